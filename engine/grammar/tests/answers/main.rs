//! What the grammar promises about answers: parsing, values, rendering and labels.

mod hermes;
mod labels;
mod limits;
mod oracle;
mod parsing;
mod properties;
mod rendering;
mod spelling;
mod values;

use toolbeam_grammar::{Boundary, Layout, Parser, Status, Step};

/// Feeds a whole answer, a list.
fn parse(bytes: &[u8]) -> (Parser, Vec<Boundary>) {
    parse_in(Layout::JsonList, bytes)
}

/// Feeds a whole answer.
fn parse_in(layout: Layout, bytes: &[u8]) -> (Parser, Vec<Boundary>) {
    let mut parser = Parser::new(layout);
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

/// Checks what becomes of a text in which `¦` stands after each step and `✗` before the byte that
/// is refused: the steps, and then the status or why the byte is refused.
fn check_marked(layout: Layout, marked: &str, expected: &str) {
    let mut text = String::new();
    let (mut ends, mut refused) = (Vec::new(), None);
    for character in marked.chars() {
        match character {
            '¦' => ends.push(text.len()),
            '✗' => refused = Some(text.len()),
            _ => text.push(character),
        }
    }
    let (parser, boundaries) = parse_in(layout, text.as_bytes());
    let mut trace: Vec<String> = boundaries.iter().map(|boundary| describe(&boundary.step)).collect();
    let (status, offset) = match parser.status() {
        Status::Unfinished => ("unfinished".to_owned(), None),
        Status::Complete => ("complete".to_owned(), None),
        Status::Invalid { offset, reason } => (reason.to_string(), Some(offset)),
    };
    trace.push(status);
    assert_eq!(trace.join(" | "), expected, "{marked}");
    let offsets: Vec<usize> = boundaries.iter().map(|boundary| boundary.offset).collect();
    assert_eq!((offsets, offset), (ends, refused), "{marked}");
    assert_eq!(parser.offset(), refused.unwrap_or(text.len()), "{marked}");
}

fn describe(step: &Step) -> String {
    match step {
        Step::FuncName(name) => format!("name {name}"),
        Step::ArgValue { key, value } => format!("{key}={value}"),
        Step::ParamFinish => "arguments".to_owned(),
        Step::FuncFinish => "call".to_owned(),
        Step::TotalFinish => "total".to_owned(),
    }
}
