//! Answers as policies write them.

use toolbeam_grammar::{Call, Layout, Parser, Status, Step, calls_of, steps_of};

/// The calls of a policy's answer. `None` if the text is no whole answer of the layout, or if a call gives an
/// argument twice, which no right call does and calls cannot hold.
pub fn read_answer(layout: Layout, text: &str) -> Option<Vec<Call>> {
    let mut parser = Parser::new(layout);
    let mut boundaries = parser.feed(text.as_bytes());
    boundaries.extend(parser.end());
    if parser.status() != Status::Complete {
        return None;
    }
    let steps: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    calls_of(&steps).filter(|calls| steps_of(calls).len() == steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_answers_are_read() {
        let check = |text: &str, calls: Option<usize>| {
            assert_eq!(read_answer(Layout::JsonList, text).map(|calls| calls.len()), calls, "{text}");
        };
        check("[]", Some(0));
        check(r#"[{"name": "f", "arguments": {"a": 1}}]"#, Some(1));
        check(r#"[{"name": "f", "arguments": {"a": 1, "a": 1}}]"#, None);
        check(r#"[{"name": "f", "arguments": {"a": 1}}"#, None);
        check("I cannot help", None);
    }
}
