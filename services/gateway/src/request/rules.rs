//! Which calls an answer may make.

use toolbeam_proto::v1;
use toolbeam_proto::v1::tool_choice::Choice;
use toolbeam_search::{Rules, ToolChoice};

use super::violations::Violations;

/// Reads tool choice and the most calls.
pub(super) fn rules(request: &v1::SearchRequest, violations: &mut Violations) -> Rules {
    let choice = request.tool_choice.as_ref().and_then(|choice| choice.choice.as_ref());
    let tool_choice = match choice {
        None | Some(Choice::Auto(_)) => ToolChoice::Auto,
        Some(Choice::None(_)) => ToolChoice::None,
        Some(Choice::Required(_)) => ToolChoice::Required,
        Some(Choice::Named(name)) => {
            let mut tools = request.prompt.iter().flat_map(|prompt| &prompt.tools);
            if !tools.any(|tool| tool.name == *name) {
                violations.add("tool_choice.named", "no tool of the prompt has this name; use one");
            }
            ToolChoice::Named(name.clone())
        }
    };
    Rules { tool_choice, max_calls: request.max_calls }
}
