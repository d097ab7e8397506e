//! What a policy writes, in every layout: the parser never panics, and nothing depends on how the bytes
//! are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolbeam_grammar::render::segments;
use toolbeam_grammar::{Boundary, Layout, Parser, Status, Step, calls_of, first_misplaced};

const LAYOUTS: [Layout; 2] = [Layout::JsonList, Layout::Hermes];

// The first byte says how long the pieces are that the others are fed in.
fuzz_target!(|bytes: &[u8]| {
    let Some((&piece, document)) = bytes.split_first() else { return };
    for layout in LAYOUTS {
        check(layout, usize::from(piece) + 1, document);
    }
});

fn check(layout: Layout, piece: usize, document: &[u8]) {
    let (whole, boundaries) = parse(layout, document);
    for piece in [1, piece] {
        let mut parser = Parser::new(layout);
        let mut found: Vec<Boundary> = Vec::new();
        for piece in document.chunks(piece) {
            let mut clone = parser.clone();
            found.extend(clone.feed(piece));
            parser.feed(piece);
            assert_eq!(clone, parser);
        }
        found.extend(parser.end());
        assert_eq!((&found, &parser), (&boundaries, &whole));
        assert_eq!((parser.status(), parser.offset()), (whole.status(), whole.offset()));
    }

    assert!(whole.offset() <= document.len());
    assert!(boundaries.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
    assert!(boundaries.last().is_none_or(|last| last.offset <= document.len()));
    let steps: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    assert_eq!(first_misplaced(&steps), None);
    match whole.status() {
        Status::Complete => check_complete(layout, &steps),
        Status::Invalid { offset, .. } => assert!(offset < document.len()),
        Status::Unfinished => assert!(calls_of(&steps).is_none()),
    }
}

/// The canonical text of a complete answer says the same.
fn check_complete(layout: Layout, steps: &[Step]) {
    assert!(calls_of(steps).is_some());
    let text: String = segments(layout, steps).into_iter().map(|segment| segment.text).collect();
    let (again, boundaries) = parse(layout, text.as_bytes());
    assert_eq!(again.status(), Status::Complete, "{text}");
    let found: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    assert_eq!(found, steps, "{text}");
}

fn parse(layout: Layout, document: &[u8]) -> (Parser, Vec<Boundary>) {
    let mut parser = Parser::new(layout);
    let mut boundaries = parser.feed(document);
    boundaries.extend(parser.end());
    (parser, boundaries)
}
