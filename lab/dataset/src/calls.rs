//! Calls of records as the grammar knows them, and back.

use serde_json::value::RawValue;
use toolbeam_grammar::{Call, Layout, Malformed, render, steps_of};

use crate::set::Answer;

impl Answer {
    /// The call.
    ///
    /// # Errors
    /// The arguments are no JSON object, or beyond the grammar's limits.
    pub fn call(&self) -> Result<Call, Malformed> {
        Call::from_json(self.name.as_str(), self.arguments.get())
    }

    /// A call as records hold it, its arguments in canonical text.
    pub fn of(call: &Call) -> Answer {
        // The text of an object is JSON.
        let arguments = RawValue::from_string(call.arguments_json()).unwrap_or_default();
        Answer { name: call.name.clone(), arguments }
    }
}

/// The calls of answers.
///
/// # Errors
/// One of them is none.
pub(crate) fn calls_of(answers: &[Answer]) -> Result<Vec<Call>, Malformed> {
    answers.iter().map(Answer::call).collect()
}

/// The text in which a policy of this layout is to write the calls.
pub(crate) fn answer_text(layout: Layout, calls: &[Call]) -> String {
    render::segments(layout, &steps_of(calls)).into_iter().map(|segment| segment.text).collect()
}
