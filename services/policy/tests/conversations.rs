//! Conversations of the contract are rendered as transformers renders the same ones in OpenAI's form.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use toolbeam_lm::ChatTemplate;
use toolbeam_proto::v1;
use toolbeam_serve::Conversation;

/// The part of the parity fixtures of models/lm that is used here.
#[derive(Deserialize)]
struct Recorded {
    variables: BTreeMap<String, String>,
    templates: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    messages: Vec<Value>,
    tools: Option<Vec<Value>>,
    add_generation_prompt: bool,
    expected: Option<String>,
}

/// A recorded case as a prompt of the contract; `None` if it has what the contract has not.
fn prompt(case: &Case) -> Option<v1::Prompt> {
    let messages = case.messages.iter().map(message).collect::<Option<_>>()?;
    let tools = case.tools.iter().flatten().map(tool).collect::<Option<_>>()?;
    Some(v1::Prompt { messages, tools })
}

fn message(message: &Value) -> Option<v1::Message> {
    let fields = ["role", "content", "tool_calls", "tool_call_id", "name"];
    let known = message.as_object()?.keys().all(|key| fields.contains(&key.as_str()));
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    let role = v1::Role::from_str_name(&format!("ROLE_{}", text("role").to_uppercase()))?;
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(call);
    known.then_some(v1::Message {
        role: role.into(),
        content: text("content"),
        tool_calls: calls.collect::<Option<_>>()?,
        tool_call_id: text("tool_call_id"),
        name: text("name"),
    })
}

fn call(call: &Value) -> Option<v1::FunctionCall> {
    let function = call.get("function")?;
    Some(v1::FunctionCall {
        name: function["name"].as_str()?.to_owned(),
        arguments: serde_json::to_string(function["arguments"].as_object()?).ok()?,
        id: call["id"].as_str()?.to_owned(),
    })
}

fn tool(tool: &Value) -> Option<v1::Tool> {
    let function = tool.get("function")?;
    Some(v1::Tool {
        name: function["name"].as_str()?.to_owned(),
        description: function["description"].as_str()?.to_owned(),
        parameters: function["parameters"].to_string(),
    })
}

#[test]
fn conversations_with_calls_and_results_are_rendered_as_transformers_renders_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lm/tests/fixtures/templates.json");
    let text = std::fs::read_to_string(path).expect("the fixtures are part of the repository");
    let recorded: Recorded = serde_json::from_str(&text).expect("the README beside them describes the form");
    let mut with_calls = 0;
    for case in recorded.cases.iter().filter(|case| case.template.starts_with("hermes")) {
        let (Some(prompt), Some(expected)) = (prompt(case), &case.expected) else { continue };
        let read = Conversation::read(&prompt, "prompt").expect("nothing is wrong with it");
        let template = ChatTemplate::parse(&recorded.templates[&case.template], &recorded.variables);
        let rendered = template.and_then(|template| {
            template.render(&read.messages, read.tools.as_ref(), case.add_generation_prompt)
        });
        assert_eq!(rendered.as_ref().ok(), Some(expected), "{}", case.name);
        with_calls += usize::from(prompt.messages.iter().any(|message| !message.tool_calls.is_empty()));
    }
    assert!(with_calls >= 3, "{with_calls} cases have calls; record again");
}
