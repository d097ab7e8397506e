//! Functions of an assistant at home, described as real sets of them are: by their names alone, every
//! parameter a text, and nothing said of which must be given.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::kinds::words_of;
use super::lines::{Intent, intents};
use super::signature::Signature;
use crate::set::Tool;

/// The functions whose names the filter takes.
pub(super) fn assistant(group: usize, takes: &dyn Fn(&str) -> bool) -> Vec<Signature> {
    let mut made = Vec::new();
    for intent in intents() {
        let names = intent.names.iter().filter(|name| takes(name));
        made.extend(names.filter_map(|name| signature(name, &intent, group)));
    }
    made
}

fn signature(name: &str, intent: &Intent, group: usize) -> Option<Signature> {
    let parameter = |(name, _): &(&'static str, &'static str)| {
        let description = words_of(name).join(" ");
        ((*name).to_owned(), json!({"type": "string", "description": description}))
    };
    let parameters: Map<String, Value> = intent.parameters.iter().map(parameter).collect();
    let tool = Tool {
        name: name.to_owned(),
        description: words_of(name).join(" "),
        parameters: RawValue::from_string(Value::Object(parameters).to_string()).unwrap_or_default(),
    };
    let mut signature = Signature::read(tool, group)?;
    signature.openings = intent.openings.iter().map(|opening| (*opening).to_owned()).collect();
    for (parameter, (_, kind)) in signature.parameters.iter_mut().zip(&intent.parameters) {
        parameter.kind = kind;
    }
    Some(signature)
}
