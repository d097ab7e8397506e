//! What holds of every document.

use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;
use toolbeam_grammar::render::segments;
use toolbeam_grammar::{Boundary, Layout, Parser, Status, Step, Value, calls_of, first_misplaced};

use crate::oracle::{agrees, read, same_value};
use crate::spelling::{answer, bare_answer, document, value};
use crate::{parse, steps};

proptest! {
    /// However a document is cut, the steps, the parser and its status are the same.
    #[test]
    fn cuts_change_nothing(bytes in document(), cuts in prop::collection::vec(1..9_usize, 1..5)) {
        let (whole, boundaries) = parse(&bytes);
        for cuts in [&[1][..], &cuts] {
            let mut parser = Parser::new(Layout::JsonList);
            let mut found: Vec<Boundary> = Vec::new();
            let mut rest = &bytes[..];
            for &cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                found.extend(parser.clone().feed(piece));
                parser.feed(piece);
                rest = after;
            }
            prop_assert_eq!(&found, &boundaries);
            prop_assert_eq!(&parser, &whole);
            prop_assert_eq!(parser.status(), whole.status());
            prop_assert_eq!(parser.offset(), whole.offset());
        }
    }

    /// A document is complete exactly if serde_json accepts it and its shape is that of an answer,
    /// and then both read the same.
    #[test]
    fn completeness_is_serde_jsons(bytes in document()) {
        let (parser, boundaries) = parse(&bytes);
        let expected = read(&bytes);
        prop_assert_eq!(parser.status() == Status::Complete, expected.is_some());
        if let Some(expected) = expected {
            prop_assert_eq!(boundaries.len(), expected.len());
            for (boundary, expected) in boundaries.iter().zip(&expected) {
                prop_assert!(agrees(&boundary.step, expected), "{boundary:?}, {expected:?}");
            }
            prop_assert!(calls_of(&steps(&boundaries)).is_some());
        }
    }

    /// What was accepted before a refused byte was not refused, and steps never take a place that
    /// none of their kind can have.
    #[test]
    fn refusals_are_at_the_first_wrong_byte(bytes in document()) {
        let (parser, boundaries) = parse(&bytes);
        prop_assert_eq!(first_misplaced(&steps(&boundaries)), None);
        if let Status::Invalid { offset, .. } = parser.status() {
            let accepted = parse(&bytes[..offset]).0;
            let refused_early = matches!(accepted.status(), Status::Invalid { .. });
            prop_assert!(!refused_early);
            let refused = parse(&bytes[..=offset]).0;
            prop_assert_eq!(refused.status(), parser.status());
        }
    }

    /// Every answer is complete, and every strict prefix of its list is unfinished and has the
    /// steps that were complete in it.
    #[test]
    fn strict_prefixes_are_unfinished(text in bare_answer()) {
        let (whole, boundaries) = parse(text.as_bytes());
        prop_assert_eq!(whole.status(), Status::Complete);
        for end in 0..text.len() {
            let (parser, before) = parse(&text.as_bytes()[..end]);
            prop_assert_eq!(parser.status(), Status::Unfinished);
            prop_assert_eq!(&before[..], &boundaries[..before.len()]);
            let next = boundaries[before.len()].offset;
            prop_assert!(end <= next, "step at {next} is late at {end}");
        }
    }

    /// The canonical text says what the answer says, in the same steps, and a prefix of the steps
    /// is a prefix of the text.
    #[test]
    fn canonical_text_has_the_same_steps(text in answer()) {
        let steps = steps(&parse(text.as_bytes()).1);
        let rendered = segments(Layout::JsonList, &steps);
        for end in 0..=steps.len() {
            prop_assert_eq!(&segments(Layout::JsonList, &steps[..end])[..], &rendered[..end]);
        }
        let mut parser = Parser::new(Layout::JsonList);
        let mut found: Vec<Step> = Vec::new();
        for (segment, step) in rendered.iter().zip(&steps) {
            prop_assert_eq!(segment.marker, step.marker());
            found.extend(parser.feed(segment.text.as_bytes()).into_iter().map(|b| b.step));
        }
        prop_assert_eq!(&found, &steps);
        let texts = |steps: &[Step]| format!("{steps:?}");
        prop_assert_eq!(texts(&found), texts(&steps));
    }

    /// A parser does not remember how what is behind it was spelled.
    #[test]
    fn spelling_leaves_no_trace(text in answer()) {
        let (_, boundaries) = parse(text.as_bytes());
        let steps = steps(&boundaries);
        let mut canonical = Parser::new(Layout::JsonList);
        let rendered = segments(Layout::JsonList, &steps);
        for (segment, boundary) in rendered.iter().zip(&boundaries) {
            let known = canonical.feed(segment.text.as_bytes()).last().map(|b| b.step.clone());
            let (spelled, _) = parse(&text.as_bytes()[..boundary.offset]);
            // A number or literal is still open here, and its spelling with it.
            if known.as_ref() == Some(&boundary.step) {
                prop_assert_eq!(&spelled, &canonical);
                prop_assert_eq!(hash(&spelled), hash(&canonical));
            }
        }
    }

    /// Values agree with serde_json, and their canonical text is its own canonical text.
    #[test]
    fn values_agree_with_serde_json(raw in value()) {
        let value = Value::parse(&raw);
        let expected = serde_json::from_str::<serde_json::Value>(&raw);
        prop_assert_eq!(value.is_ok(), expected.is_ok());
        if let (Ok(value), Ok(expected)) = (value, expected) {
            prop_assert!(same_value(&value.to_json(), &expected), "{value}");
            let again = Value::parse(value.as_str()).expect("canonical");
            prop_assert_eq!(again.as_str(), value.as_str());
            prop_assert_eq!(hash(&again), hash(&value));
            prop_assert_eq!(again, value);
        }
    }

    /// Any text is read as serde_json reads it.
    #[test]
    fn value_refusals_are_serde_jsons(raw in "[\\[\\]{},:\"0-2.eE+ a\\\\u\n-]{0,8}") {
        let expected = serde_json::from_str::<serde_json::Value>(&raw);
        prop_assert_eq!(Value::parse(&raw).is_ok(), expected.is_ok());
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
