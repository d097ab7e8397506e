//! What is wrong with an answer, in FC-RewardBench's words.

use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_grammar::{Call, Value};

/// The first difference of calls from the right ones, as FC-RewardBench (arXiv 2509.11963) names it.
pub(super) fn error_type(wrong: &[Call], right: &[Call], tools: &[ToolDefinition]) -> &'static str {
    if wrong.len() != right.len() {
        return "Incorrect number of function calls";
    }
    let names = |calls: &[Call]| {
        let mut names: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
        names.sort();
        names
    };
    if names(wrong) != names(right) {
        return "Incorrect function name";
    }
    // Calls that are right go first, so that what is left is compared with what is left.
    let mut left: Vec<&Call> = right.iter().collect();
    let mut unmatched = Vec::new();
    for call in wrong {
        match left.iter().position(|gold| *gold == call) {
            Some(place) => drop(left.remove(place)),
            None => unmatched.push(call),
        }
    }
    let pair =
        unmatched.first().and_then(|call| Some((call, left.iter().find(|gold| gold.name == call.name)?)));
    pair.map_or("Parameter value error", |(call, gold)| of_call(call, gold, tools))
}

fn of_call(call: &Call, gold: &Call, tools: &[ToolDefinition]) -> &'static str {
    let find = |call: &Call, key: &str| {
        let mut arguments = call.arguments.iter();
        arguments.find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let missing: Vec<&String> =
        gold.arguments.iter().map(|(key, _)| key).filter(|key| find(call, key).is_none()).collect();
    if !missing.is_empty() {
        let required = required(&call.name, tools);
        return match missing.iter().any(|key| required.contains(key)) {
            true => "Missing required parameter",
            false => "Missing optional parameter",
        };
    }
    if call.arguments.iter().any(|(key, _)| find(gold, key).is_none()) {
        return "Unexpected parameter";
    }
    let other_kind =
        |(key, value): &(String, Value)| find(gold, key).is_some_and(|gold| kind(&gold) != kind(value));
    match call.arguments.iter().any(other_kind) {
        true => "Parameter value type error",
        false => "Parameter value error",
    }
}

/// The parameters that a tool requires; none of a tool whose parameters are no schema.
fn required(name: &str, tools: &[ToolDefinition]) -> Vec<String> {
    let tool: Vec<ToolDefinition> = tools.iter().filter(|tool| tool.name == name).cloned().collect();
    let set = ToolSet::compile(&tool).ok();
    let schema = set.as_ref().and_then(|set| set.schema(name));
    let names = schema.and_then(|schema| schema.get("required")?.as_array());
    names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// JSON's types, integers and other numbers apart.
fn kind(value: &Value) -> &'static str {
    let text = value.as_str();
    match text.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'[') => "array",
        Some(b'{') => "object",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ if text.contains(['.', 'e', 'E']) => "number",
        _ => "integer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: &str) -> Call {
        Call::from_json(name, arguments).expect("arguments")
    }

    #[test]
    fn the_first_difference_is_named() {
        let parameters = r#"{"a": {"type": "int", "required": true}, "b": {"type": "str"}}"#;
        let parameters = parameters.to_owned();
        let tools = [ToolDefinition { name: "f".into(), description: String::new(), parameters }];
        let right = [call("f", r#"{"a": 1, "b": "x"}"#), call("g", "{}")];
        let named = |wrong: &[Call]| error_type(wrong, &right, &tools);
        let with = |arguments: &str| vec![call("g", "{}"), call("f", arguments)];
        assert_eq!(named(&right[..1]), "Incorrect number of function calls");
        assert_eq!(named(&[call("h", "{}"), call("g", "{}")]), "Incorrect function name");
        assert_eq!(named(&with(r#"{"b": "x"}"#)), "Missing required parameter");
        assert_eq!(named(&with(r#"{"a": 1}"#)), "Missing optional parameter");
        assert_eq!(named(&with(r#"{"a": 1, "b": "x", "c": 2}"#)), "Unexpected parameter");
        assert_eq!(named(&with(r#"{"a": 1.0, "b": "x"}"#)), "Parameter value type error");
        assert_eq!(named(&with(r#"{"a": 2, "b": "x"}"#)), "Parameter value error");
    }
}
