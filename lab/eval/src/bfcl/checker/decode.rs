//! From a model's text to calls, as BFCL's handler of Hammer does it.

use super::Fault;
use crate::python::{PyDict, PyValue};

/// A call: the function's name, unless it is no string, and its arguments.
pub(super) struct Decoded {
    pub(super) name: Option<String>,
    pub(super) arguments: PyDict,
}

/// The calls of an output. Three backticks are removed wherever they are, so that the word `json` after
/// them makes what is left no JSON. What is no JSON is an answer without calls.
///
/// # Errors
/// [`Fault::DECODER_FAILED`] where the handler raises, [`Fault::WRONG_FORMAT`] where what it gives is no list
/// of calls, or is empty.
pub(super) fn decode(output: &str) -> Result<Vec<Decoded>, Fault> {
    let calls = match PyValue::parse(&output.replace("```", "")) {
        Ok(value) => each(value)?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?,
        Err(_no_json) => Vec::new(),
    };
    if calls.is_empty() {
        return Err(Fault::WRONG_FORMAT);
    }
    let decoded = calls.into_iter().map(|(name, arguments)| match arguments {
        PyValue::Dict(arguments) => Ok(Decoded { name, arguments }),
        _ => Err(Fault::WRONG_FORMAT),
    });
    decoded.collect()
}

/// What Python's `for` goes through, where each is to be a dict.
fn each(value: PyValue) -> Result<Vec<PyValue>, Fault> {
    match value {
        PyValue::List(elements) => Ok(elements),
        // Characters and keys are no dicts, but there may be none.
        PyValue::Str(text) if text.is_empty() => Ok(Vec::new()),
        PyValue::Dict(dict) if dict.len() == 0 => Ok(Vec::new()),
        _ => Err(Fault::DECODER_FAILED),
    }
}

fn read(call: PyValue) -> Result<(Option<String>, PyValue), Fault> {
    let (name, arguments) = call.get("name").zip(call.get("arguments")).ok_or(Fault::DECODER_FAILED)?;
    let name = match name {
        PyValue::Str(name) => Some(name.clone()),
        // Neither can be a dict's key.
        PyValue::List(_) | PyValue::Dict(_) => return Err(Fault::DECODER_FAILED),
        _ => None,
    };
    Ok((name, arguments.clone()))
}
