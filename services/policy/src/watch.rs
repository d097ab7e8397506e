//! Following a continuation with the answer grammar.

use llguidance::Matcher;
use toolbeam_grammar::{Layout, Parser, Status};
use toolbeam_lm::{TokenMask, Verdict, Watch};

use crate::repetition::Repetition;

/// Where a continuation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// With the token that completes the next function name, argument, closing of `arguments` or answer.
    Step,
    /// With the token that completes the answer.
    Answer,
}

/// Ends a continuation at a boundary of its answer.
#[derive(Clone)]
pub(crate) struct AnswerWatch {
    parser: Parser,
    stop: Stop,
    /// Of the step that it is in, without what the beam has of it.
    repetition: Repetition,
    /// What it is held to, after the same text.
    matcher: Option<Matcher>,
}

impl AnswerWatch {
    /// A watch over what follows `text`. `None` if nothing can follow: the text is malformed or complete.
    pub(crate) fn after(
        layout: Layout,
        text: &[u8],
        stop: Stop,
        repetition: Repetition,
    ) -> Option<AnswerWatch> {
        let mut parser = Parser::new(layout);
        parser.feed(text);
        let watch = AnswerWatch { parser, stop, repetition, matcher: None };
        (watch.parser.status() == Status::Unfinished).then_some(watch)
    }

    /// The same, held to what `matcher` allows from here on.
    pub(crate) fn held_to(self, matcher: Matcher) -> AnswerWatch {
        AnswerWatch { matcher: Some(matcher), ..self }
    }
}

impl Watch for AnswerWatch {
    fn push(&mut self, token: u32, bytes: &[u8]) -> Verdict {
        if self.matcher.as_mut().is_some_and(|matcher| matcher.consume_token(token).is_err()) {
            return Verdict::Invalid;
        }
        let boundaries = self.parser.feed(bytes);
        let stepped = boundaries.iter().any(|boundary| boundary.step.marker().ends_expansion());
        match self.parser.status() {
            Status::Invalid { .. } => Verdict::Invalid,
            Status::Complete => Verdict::Stop,
            Status::Unfinished if stepped && self.stop == Stop::Step => Verdict::Stop,
            Status::Unfinished if stepped => {
                self.repetition.forget();
                Verdict::Continue
            }
            Status::Unfinished if self.repetition.push(token) => Verdict::Repetition,
            Status::Unfinished => Verdict::Continue,
        }
    }

    fn allowed(&mut self) -> Option<TokenMask> {
        let mask = self.matcher.as_mut()?.compute_mask_or_eos();
        // A matcher that has failed allows nothing; what is drawn then is refused.
        Some(TokenMask::from_words(mask.map(|mask| mask.as_slice().to_vec()).unwrap_or_default()))
    }

    fn forced(&mut self) -> Vec<u32> {
        self.matcher.as_mut().map(Matcher::compute_ff_tokens).unwrap_or_default()
    }

    fn fork(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_end_at_boundaries() {
        let check_in = |layout: Layout, before: &str, tokens: &[&str], stop: Stop, expected: &[Verdict]| {
            let never = Repetition::at_most(0);
            let mut watch = AnswerWatch::after(layout, before.as_bytes(), stop, never).expect("can go on");
            let found: Vec<Verdict> = tokens.iter().map(|token| watch.push(0, token.as_bytes())).collect();
            assert_eq!(found, expected, "{before} + {tokens:?}");
        };
        let check = |before: &str, tokens: &[&str], stop: Stop, expected: &[Verdict]| {
            check_in(Layout::JsonList, before, tokens, stop, expected);
        };
        use Verdict::{Continue, Invalid, Stop as End};
        check("", &["[{\"name\"", ": \"f", "\""], Stop::Step, &[Continue, Continue, End]);
        check("", &["[]"], Stop::Step, &[End]);
        let named = "[{\"name\": \"f\"";
        check(named, &[", \"arguments\": {\"a\": 1", ","], Stop::Step, &[Continue, End]);
        check(named, &[", \"arguments\": {}"], Stop::Step, &[End]);
        let closed = "[{\"name\": \"f\", \"arguments\": {}";
        check(closed, &["}", "]"], Stop::Step, &[Continue, End]);
        check(closed, &["}", ", {\"name\": \"g\""], Stop::Step, &[Continue, End]);
        check(closed, &["}x"], Stop::Step, &[Invalid]);
        check("", &[named, ", \"arguments\": {}", "}]"], Stop::Answer, &[Continue, Continue, End]);

        // Text is no step, and the answer goes on until the policy ends its turn.
        let hermes = |before: &str, tokens: &[&str], stop: Stop, expected: &[Verdict]| {
            check_in(Layout::Hermes, before, tokens, stop, expected);
        };
        let thought = ["<think>", "Hm <tool_call>", "</think>", "See: ", "<tool_call>", "\n{\"name\": \"f\""];
        hermes("", &thought, Stop::Step, &[Continue, Continue, Continue, Continue, Continue, End]);
        let named = "<tool_call>\n{\"name\": \"f\"";
        let rest = [", \"arguments\": {}", "}\n", "</tool_call>", "\nDone."];
        hermes(named, &rest, Stop::Step, &[End, Continue, Continue, Continue]);
        hermes(named, &rest, Stop::Answer, &[Continue; 4]);
        hermes(named, &[", \"arguments\": {}}", "]"], Stop::Step, &[End, Invalid]);
    }

    #[test]
    fn nothing_follows_a_whole_or_malformed_answer() {
        for text in ["[]", "[{]", "hello"] {
            let never = Repetition::at_most(0);
            let watch = AnswerWatch::after(Layout::JsonList, text.as_bytes(), Stop::Step, never);
            assert!(watch.is_none(), "{text}");
        }
    }

    #[test]
    fn a_value_without_end_is_given_up_and_equal_calls_are_not() {
        let given_up = |before: &str, again: &str| {
            let eight = Repetition::at_most(8);
            let watch = AnswerWatch::after(Layout::JsonList, before.as_bytes(), Stop::Answer, eight);
            let mut watch = watch.expect("can go on");
            // A token of each byte, as far as repetition is concerned.
            let verdicts = again.bytes().cycle().take(400).map(|byte| watch.push(u32::from(byte), &[byte]));
            verdicts.take_while(|verdict| *verdict == Verdict::Continue).count()
        };
        let named = r#"[{"name": "f", "arguments": {"a": "#;
        assert_eq!(given_up(&format!("{named}\"x"), "start"), 19);
        assert_eq!(given_up(&format!("{named}["), "0, "), 11);
        let call = r#"{"name": "roll", "arguments": {}}, "#;
        assert_eq!(given_up("[", call), 400);
    }
}
