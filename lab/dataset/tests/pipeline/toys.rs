//! Small prompts.

use serde_json::value::RawValue;
use toolbeam_dataset::{Answer, Example, Message, Tool};

pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("JSON")
}

pub(crate) fn user(content: &str) -> Message {
    Message { role: "user".into(), content: content.into() }
}

pub(crate) fn call(name: &str, arguments: &str) -> Answer {
    Answer { name: name.into(), arguments: raw(arguments) }
}

pub(crate) fn tool(name: &str, description: &str, parameters: &str) -> Tool {
    Tool { name: name.into(), description: description.into(), parameters: raw(parameters) }
}

/// A prompt with two tools, in two dialects.
pub(crate) fn example(id: &str, answers: Vec<Answer>) -> Example {
    let flat = r#"{"city_name": {"type": "string", "description": "The city, as in city_name of get_time", "required": true}, "unit": {"type": "str", "default": "city_name"}, "days": {"type": "int", "default": 1.50}}"#;
    let tree = r#"{"type": "object", "properties": {"zone": {"type": "string", "enum": ["get_time", "CET"]}}, "required": ["zone"]}"#;
    Example {
        id: id.into(),
        source: "toy".into(),
        masked: false,
        messages: vec![user(&format!("question {id} about the weather of Oslo"))],
        tools: vec![
            tool("get_weather", "The weather; not get_time.", flat),
            tool("get_time", "The time in a zone", tree),
        ],
        answers,
    }
}

pub(crate) fn weather(city: &str) -> Answer {
    call("get_weather", &format!(r#"{{"city_name": "{city}", "days": 2}}"#))
}
