//! Calls as they stand in a model's output.

use crate::python::{PyDict, PyValue};

/// The calls of an output.
pub(super) type Calls = Vec<OutputCall>;

/// What an output has where a call should be.
#[derive(Debug, Clone)]
pub(super) struct OutputCall {
    /// Of any type; nothing if there is none.
    name: Option<PyValue>,
    /// Nothing if there are none, or if they are no object.
    arguments: Option<Arguments>,
}

/// A call's arguments.
#[derive(Debug, Clone)]
pub(super) struct Arguments {
    /// How many there are, empty strings included.
    pub(super) all: usize,
    /// Name and value, as Python's `str` writes it, of those that are no empty string: such an argument
    /// counts as not given.
    pub(super) given: Vec<(String, String)>,
}

impl OutputCall {
    fn read(value: &PyValue) -> OutputCall {
        let arguments = value.get("arguments").and_then(PyValue::as_dict).map(Arguments::read);
        OutputCall { name: value.get("name").cloned(), arguments }
    }

    /// Whether its name or its arguments are missing.
    pub(super) fn is_broken(&self) -> bool {
        self.name.is_none() || self.arguments.is_none()
    }

    pub(super) fn arguments(&self) -> Option<&Arguments> {
        self.arguments.as_ref()
    }

    /// How many arguments are given.
    pub(super) fn given(&self) -> usize {
        self.arguments.as_ref().map_or(0, |arguments| arguments.given.len())
    }

    pub(super) fn has_name_of(&self, other: &OutputCall) -> bool {
        !self.is_broken() && self.name == other.name
    }

    /// How many arguments both give with the same value.
    pub(super) fn same_arguments(&self, other: &OutputCall) -> usize {
        let pair = self.arguments.as_ref().zip(other.arguments.as_ref());
        pair.map_or(0, |(mine, theirs)| {
            mine.given.iter().filter(|given| theirs.given.contains(given)).count()
        })
    }
}

impl Arguments {
    fn read(dict: &PyDict) -> Arguments {
        let given = dict.iter().filter(|(_, value)| !value.is_empty_text());
        Arguments {
            all: dict.len(),
            given: given.map(|(name, value)| (name.to_owned(), value.text())).collect(),
        }
    }
}

/// The calls of a model's output; `None` if it is no list.
pub(super) fn prediction(text: &str) -> Option<Calls> {
    let value = value(text)?;
    Some(value.as_list()?.iter().map(OutputCall::read).collect())
}

/// The gold calls, in the words of a reason if they are not whole.
pub(super) fn label(text: &str) -> Result<Calls, String> {
    let calls = prediction(text).ok_or("label: no JSON list of calls")?;
    match calls.iter().any(OutputCall::is_broken) {
        true => Err("label: a call without a name or without an object of arguments".to_owned()),
        false => Ok(calls),
    }
}

/// The JSON of an output, without the backticks around it; what stands under `tool_calls` if it is an object
/// that has them.
fn value(text: &str) -> Option<PyValue> {
    let text = text.replace("```json", "").replace("```", "");
    let value = PyValue::parse(&text).ok()?;
    match &value {
        PyValue::Dict(dict) => match dict.get("tool_calls") {
            Some(PyValue::None) => Some(PyValue::List(Vec::new())),
            Some(calls) => Some(calls.clone()),
            None => Some(value),
        },
        // The script looks for this word in any value, finds it, and cannot go on.
        PyValue::List(elements) if elements.iter().any(|e| e.as_str() == Some("tool_calls")) => None,
        _ => Some(value),
    }
}
