//! Masks that leak nothing and can be undone.

use std::collections::HashSet;

use super::*;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("JSON")
}

fn example() -> Example {
    let tool = |name: &str, description: &str, parameters: &str| Tool {
        name: name.into(),
        description: description.into(),
        parameters: raw(parameters),
    };
    let call = |name: &str, arguments: &str| Answer { name: name.into(), arguments: raw(arguments) };
    let message = |role: &str, content: &str| Message { role: role.into(), content: content.into() };
    Example {
        id: "a".into(),
        source: "toy".into(),
        masked: false,
        messages: vec![
            message("user", "Please get_weather for the city of Oslo"),
            message("assistant", r#"[{"name": "get_weather", "arguments": {"city": "Oslo"}}]"#),
            message("assistant", "I call get_weather for a city."),
        ],
        tools: vec![
            tool(
                "get_weather",
                "The weather of a city; get_weather is not get_time.",
                r#"{"city": {"type": "str", "description": "city; see startDay", "default": "city"}, "startDay": {"type": "int, optional", "default": 1.50}, "place": {"type": "str", "default": "of get_weather"}}"#,
            ),
            tool(
                "get_time",
                "The time of a city",
                r#"{"type": "dict", "properties": {"city": {"type": "string", "enum": ["city", "get_time"]}, "filter": {"type": "dict", "properties": {"city": {"type": "string", "description": "never get_weather"}}}}, "required": ["city"]}"#,
            ),
            tool("stop", "Stops", "{}"),
        ],
        answers: vec![
            call("get_weather", r#"{"startDay": 12345678901234567890123, "city": "city"}"#),
            call("get_time", r#"{"city":"get_time"}"#),
            call("stop", "{}"),
        ],
    }
}

#[test]
fn every_name_is_another_one_everywhere_and_back() {
    let original = example();
    let (masked, mask) = mask(&original, &mut Draws::of(1, &["a"])).expect("it can be masked");
    assert!(masked.masked);
    let functions: Vec<(&str, &str)> = mask.functions().collect();
    let names = functions.iter().map(|(_, new)| *new);
    let names = names.chain((0..3).flat_map(|tool| mask.parameters(tool).map(|(_, new)| new)));
    let names: Vec<&str> = names.collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 3 + 3 + 2, "each name its own: {names:?}");
    let tools: Vec<&str> = masked.tools.iter().map(|tool| tool.name.as_str()).collect();
    let called: Vec<&str> = masked.answers.iter().map(|answer| answer.name.as_str()).collect();
    assert!(tools == called && tools.iter().copied().eq(functions.iter().map(|(_, new)| *new)));
    let city = mask.parameters(0).next().expect("a parameter").1;
    assert!(masked.answers[0].arguments.get().ends_with(&format!("\"{city}\": \"city\"}}")));
    assert!(masked.messages[1].content.contains(city), "{}", masked.messages[1].content);
    assert_eq!(masked.messages[2].content, original.messages[2].content, "prose is what it was");

    let back = mask.unmask(&masked).expect("it is of this mask");
    assert!(same(&back, &original) && !back.masked, "{back:?}");
    assert_eq!(back.answers[0].arguments.get(), original.answers[0].arguments.get(), "digits and order");
}

#[test]
fn no_old_name_is_left_in_tools_or_answers() {
    let (masked, _) = mask(&example(), &mut Draws::of(2, &["a"])).expect("it can be masked");
    let text = serde_json::to_string(&masked.tools).expect("JSON");
    // Values stay, here the enumeration; defaults that are names go.
    let text = text.replace(r#"["city", "get_time"]"#, "");
    for name in ["get_weather", "get_time", "startDay"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert!(text.contains("never ") && text.contains("weather of a city"), "words stay: {text}");
    assert!(!text.contains(r#""default": "city""#) && text.contains(r#""default": 1.5"#), "{text}");
    let keys = |answer: &Answer| {
        let arguments: serde_json::Value = serde_json::from_str(answer.arguments.get()).expect("JSON");
        arguments.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let keys: Vec<String> = masked.answers.iter().flat_map(keys).collect();
    assert!(keys.len() == 3 && !keys.iter().any(|key| ["city", "startDay"].contains(&key.as_str())));
}

#[test]
fn draws_decide_and_what_cannot_be_masked_is_not() {
    let masked = |seed| mask(&example(), &mut Draws::of(seed, &["a"])).expect("it can be masked").1;
    assert_eq!(masked(1), masked(1));
    assert_ne!(masked(1), masked(2));
    let refused = |change: &dyn Fn(&mut Example)| {
        let mut example = example();
        change(&mut example);
        assert!(mask(&example, &mut Draws::of(1, &["a"])).is_none());
    };
    refused(&|example| example.answers[2].name = "unknown".into());
    refused(&|example| example.answers[2].arguments = raw(r#"{"undeclared": 1}"#));
    refused(&|example| example.tools[2].parameters = raw("7"));
    let referring =
        r##"{"type": "object", "properties": {"a": {"type": "string"}}, "allOf": [{"required": ["a"]}]}"##;
    refused(&|example| example.tools[2].parameters = raw(referring));
}
