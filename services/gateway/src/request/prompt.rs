//! The conversation and the tools.

use toolbeam_grammar::Call;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_proto::v1;
use toolbeam_proto::v1::tool_choice::Choice;

use super::violations::Violations;

/// Checks a request's prompt and compiles its tools. `None` if there are violations, or if there are
/// no tools and no call may be made.
pub(super) fn check(request: &v1::SearchRequest, violations: &mut Violations) -> Option<ToolSet> {
    let Some(prompt) = &request.prompt else {
        violations.add("prompt", "missing; send messages and tools");
        return None;
    };
    if prompt.messages.is_empty() {
        violations.add("prompt.messages", "empty; send at least one message");
    }
    for (index, message) in prompt.messages.iter().enumerate() {
        check_message(&format!("prompt.messages[{index}]"), message, violations);
    }
    let choice = request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref());
    if prompt.tools.is_empty() && matches!(choice, Some(Choice::None(_))) {
        return None;
    }
    compile(&prompt.tools, violations)
}

fn compile(tools: &[v1::Tool], violations: &mut Violations) -> Option<ToolSet> {
    let definitions: Vec<ToolDefinition> = tools
        .iter()
        .map(|tool| ToolDefinition {
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters: tool.parameters.clone(),
        })
        .collect();
    ToolSet::compile(&definitions)
        .map_err(|error| violations.add(format!("prompt.{}", error.field()), error.to_string()))
        .ok()
}

fn check_message(path: &str, message: &v1::Message, violations: &mut Violations) {
    let role = v1::Role::try_from(message.role).unwrap_or(v1::Role::Unspecified);
    let silent = message.content.is_empty();
    match role {
        v1::Role::Unspecified => violations.add(
            format!("{path}.role"),
            "not a role; use ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT or ROLE_TOOL",
        ),
        v1::Role::System | v1::Role::User if silent => {
            violations.add(format!("{path}.content"), "empty; say something or drop the message");
        }
        v1::Role::Assistant if silent && message.tool_calls.is_empty() => violations
            .add(format!("{path}.content"), "empty without tool_calls; give either or drop the message"),
        // A function may return nothing.
        v1::Role::System | v1::Role::User | v1::Role::Assistant | v1::Role::Tool => {}
    }
    if role != v1::Role::Assistant && !message.tool_calls.is_empty() {
        violations.add(format!("{path}.tool_calls"), "only ROLE_ASSISTANT makes calls; remove them");
    }
    if role != v1::Role::Tool {
        for (field, text) in [("tool_call_id", &message.tool_call_id), ("name", &message.name)] {
            if !text.is_empty() {
                violations.add(format!("{path}.{field}"), "only for ROLE_TOOL; leave it empty");
            }
        }
    }
    for (index, call) in message.tool_calls.iter().enumerate() {
        check_call(&format!("{path}.tool_calls[{index}]"), call, violations);
    }
}

fn check_call(path: &str, call: &v1::FunctionCall, violations: &mut Violations) {
    if call.name.is_empty() {
        violations.add(format!("{path}.name"), "empty; name the function that was called");
    }
    if let Err(error) = Call::from_json(call.name.clone(), &call.arguments) {
        violations.add(
            format!("{path}.arguments"),
            format!("{error}; send a JSON object as text, `{{}}` for no arguments"),
        );
    }
}
