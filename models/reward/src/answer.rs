//! Answers that are given as calls: what a training set holds, in the forms in which models read and write it.

use toolbeam_grammar::{Call, Layout, Step, render, steps_of};
use toolbeam_lm::Tokenizer;

use crate::{RewardError, RewardInput, RewardTokens};

/// A call of an answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerCall<'a> {
    /// The function's name.
    pub name: &'a str,
    /// The text of a JSON object. Arguments keep their order.
    pub arguments: &'a str,
}

impl RewardTokens {
    /// What a reward model reads of the whole answer that makes these calls, names before arguments.
    ///
    /// # Errors
    /// [`RewardError::Call`] if arguments are no JSON object; [`RewardError::Model`].
    pub fn answer(
        &self,
        tokenizer: &Tokenizer,
        calls: &[AnswerCall<'_>],
    ) -> Result<RewardInput, RewardError> {
        self.input(tokenizer, &answer_steps(calls)?)
    }
}

/// The canonical text of the answer that makes these calls, in the layout of this name in `toolbeam.json`,
/// without the end of the turn.
///
/// # Errors
/// [`RewardError::Layout`], [`RewardError::Call`].
pub fn answer_text(layout: &str, calls: &[AnswerCall<'_>]) -> Result<String, RewardError> {
    let layout = match layout {
        "json_list" => Layout::JsonList,
        "hermes" => Layout::Hermes,
        other => return Err(RewardError::Layout(other.to_owned())),
    };
    let segments = render::segments(layout, &answer_steps(calls)?);
    Ok(segments.into_iter().map(|segment| segment.text).collect())
}

/// The steps of the answer that makes these calls, names before arguments.
///
/// # Errors
/// [`RewardError::Call`] if arguments are no JSON object.
pub fn answer_steps(calls: &[AnswerCall<'_>]) -> Result<Vec<Step>, RewardError> {
    let calls: Result<Vec<Call>, RewardError> = calls
        .iter()
        .map(|call| {
            Call::from_json(call.name, call.arguments)
                .map_err(|error| RewardError::Call { name: call.name.to_owned(), reason: error.to_string() })
        })
        .collect();
    Ok(steps_of(&calls?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_order_in_the_text_of_an_answer() {
        let calls = [
            AnswerCall { name: "f", arguments: r#"{"b":1,"a":"x"}"# },
            AnswerCall { name: "g", arguments: "{}" },
        ];
        let expected = r#"[{"name": "f", "arguments": {"b": 1, "a": "x"}}, {"name": "g", "arguments": {}}]"#;
        assert_eq!(answer_text("json_list", &calls).expect("calls"), expected);
        assert_eq!(answer_text("json_list", &[]).expect("no call"), "[]");
        let block = "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
        assert_eq!(answer_text("hermes", &calls[1..]).expect("a call"), block);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let wrong = [AnswerCall { name: "f", arguments: "[1]" }];
        assert!(matches!(answer_text("json_list", &wrong), Err(RewardError::Call { .. })));
        assert!(matches!(answer_text("python", &[]), Err(RewardError::Layout(_))));
    }
}
