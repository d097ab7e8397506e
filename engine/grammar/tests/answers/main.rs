//! What the grammar promises about answers: parsing, values, rendering and labels.

mod labels;
mod limits;
mod oracle;
mod parsing;
mod properties;
mod rendering;
mod spelling;
mod values;

use toolbeam_grammar::{Boundary, Layout, Parser, Status, Step};

/// Feeds a whole answer.
fn parse(bytes: &[u8]) -> (Parser, Vec<Boundary>) {
    let mut parser = Parser::new(Layout::JsonList);
    let mut boundaries = parser.feed(bytes);
    boundaries.extend(parser.end());
    (parser, boundaries)
}

fn steps(boundaries: &[Boundary]) -> Vec<Step> {
    boundaries.iter().map(|boundary| boundary.step.clone()).collect()
}

/// The steps of a text that must be an answer.
fn steps_in(text: &str) -> Vec<Step> {
    let (parser, boundaries) = parse(text.as_bytes());
    assert_eq!(parser.status(), Status::Complete, "{text}");
    steps(&boundaries)
}
