//! The grammars of answers, in the canonical text of their layout, so that most of an answer is forced and is not
//! drawn.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};
use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_serve::Violation;

/// Text and thoughts, as the parser reads them: neither has a block, and what begins with a thought is no text before
/// the thought's end.
const TEXT: &str = r#"
REST: /(?s:.+)/ & ~/(?s:.*)<tool_call>(?s:.*)/
ALONE: /(?s:.+)/ & ~/(?s:.*)<tool_call>(?s:.*)/ & ~/[ \t\r\n]*<think>(?s:.*)/
THOUGHT: /[ \t\r\n]*<think>(?s:.*)<\/think>/ & ~/(?s:.*)<\/think>(?s:.+)/
"#;
/// An answer of text alone.
const WITHOUT_BLOCKS: &str = "start: ALONE? | THOUGHT REST?";
/// Blocks with text around them, which ends with the first `<tool_call>` behind it. `call` is one call's JSON.
const WITH_BLOCKS: &str = r#"
start: FIRST block (OPEN block)* REST? | ALONE? | THOUGHT (OPEN block)* REST?
block: "\n" call "\n</tool_call>"
OPEN: /(?s:.*)<tool_call>/ & ~/(?s:.*)<tool_call>(?s:.+)/
FIRST: /(?s:.*)<tool_call>/ & ~/(?s:.*)<tool_call>(?s:.+)/ & ~/[ \t\r\n]*<think>(?s:.*)/
"#;

/// The properties of a call of each tool. References inside a schema point into the place that it gets.
///
/// # Errors
/// What is wrong with a tool, by its field.
pub(super) fn calls_of(layout: Layout, tools: &[ToolDefinition]) -> Result<Vec<Value>, Arc<[Violation]>> {
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let set = ToolSet::compile(tools).map_err(|error| {
        Arc::from([Violation { field: format!("prompt.{}", error.field()), description: error.to_string() }])
    })?;
    let all = match layout {
        Layout::JsonList => "#/items/anyOf",
        Layout::Hermes => "#/anyOf",
    };
    let call = |(index, name): (usize, &str)| {
        let mut arguments = set.schema(name).cloned().unwrap_or_default();
        rebase(&mut arguments, &format!("{all}/{index}/properties/arguments"));
        json!({ "name": { "const": name }, "arguments": arguments })
    };
    Ok(set.names().enumerate().map(call).collect())
}

/// Makes references to the root of a schema references to `root`.
fn rebase(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(entries) => entries.iter_mut().for_each(|(key, value)| match value {
            Value::String(target) if key == "$ref" && target.starts_with('#') => {
                target.replace_range(..1, root)
            }
            value => rebase(value, root),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, root)),
        _ => {}
    }
}

/// The properties of a call of any function.
pub(super) fn any_call() -> Value {
    json!({ "name": { "type": "string" }, "arguments": { "type": "object" } })
}

/// The grammar of an answer of such calls, in the text that answers of the layout are rendered in.
pub(super) fn grammar(layout: Layout, calls: &[Value]) -> TopLevelGrammar {
    let call = |properties: &Value| {
        json!({
            "type": "object",
            "properties": properties,
            "required": ["name", "arguments"],
            "additionalProperties": false,
        })
    };
    // Without `\u`, which could be half of a surrogate pair: no text here.
    let style = json!({
        "item_separator": ", ",
        "key_separator": ": ",
        "whitespace_flexible": false,
        "coerce_one_of": true,
        "json_allowed_escapes": "nrbtf\\\"",
    });
    let any = calls.iter().map(call).collect::<Value>();
    match (layout, calls.is_empty()) {
        (Layout::JsonList, true) => {
            TopLevelGrammar::from_json_schema(json!({ "type": "array", "maxItems": 0, "x-guidance": style }))
        }
        (Layout::JsonList, false) => TopLevelGrammar::from_json_schema(
            json!({ "type": "array", "items": { "anyOf": any }, "x-guidance": style }),
        ),
        (Layout::Hermes, true) => TopLevelGrammar::from_lark(format!("{WITHOUT_BLOCKS}\n{TEXT}")),
        (Layout::Hermes, false) => {
            let call = json!({ "anyOf": any, "x-guidance": style });
            TopLevelGrammar::from_lark(format!("{WITH_BLOCKS}{TEXT}call: %json {call}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
    use llguidance::{Matcher, ParserFactory};
    use toolbeam_grammar::{Parser, Status};

    use super::*;

    const WEATHER: &str = r##"{"type": "object", "properties": {"city": {"$ref": "#/$defs/city"},
        "days": {"type": "integer"}}, "required": ["city"], "additionalProperties": false,
        "$defs": {"city": {"enum": ["Oslo", "Lima"]}}}"##;

    fn matcher(layout: Layout, calls: &[Value]) -> Matcher {
        let environment = ApproximateTokEnv::single_byte_env();
        let factory =
            ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).expect("a factory");
        let matcher = Matcher::new(factory.create_parser(grammar(layout, calls)));
        assert_eq!(matcher.get_error(), None);
        matcher
    }

    /// How many bytes of a text are allowed, and whether the answer may end behind them.
    fn follow(layout: Layout, calls: &[Value], text: &str) -> (usize, bool) {
        let mut matcher = matcher(layout, calls);
        let taken = text.bytes().take_while(|byte| {
            let allowed = matcher.compute_mask().is_ok_and(|mask| mask.is_allowed(u32::from(*byte)));
            allowed && matcher.consume_token(u32::from(*byte)).is_ok()
        });
        let taken = taken.count();
        (taken, matcher.is_accepting().expect("a state"))
    }

    fn weather(layout: Layout) -> Vec<Value> {
        let tool = |name: &str, parameters: &str| ToolDefinition {
            name: name.to_owned(),
            description: String::new(),
            parameters: parameters.to_owned(),
        };
        calls_of(layout, &[tool("ping", r#"{"type": "object", "properties": {}}"#), tool("weather", WEATHER)])
            .expect("tools")
    }

    const OSLO: &str = r#"{"name": "weather", "arguments": {"city": "Oslo"}}"#;
    const PARIS: &str = r#"{"name": "weather", "arguments": {"city": "Paris"}}"#;

    #[test]
    fn a_list_has_calls_of_the_tools_only() {
        let follow = |text: &str| follow(Layout::JsonList, &weather(Layout::JsonList), text);
        for text in ["[]".to_owned(), format!("[{OSLO}]"), format!("[{OSLO}, {OSLO}]")] {
            assert_eq!(follow(&text), (text.len(), true), "{text}");
        }
        let wrong = format!("[{PARIS}]");
        assert_eq!(follow(&wrong), (wrong.find("Paris").expect("it"), false));
    }

    #[test]
    fn blocks_have_calls_of_the_tools_and_text_is_free() {
        let follow = |text: &str| follow(Layout::Hermes, &weather(Layout::Hermes), text);
        let block = format!("<tool_call>\n{OSLO}\n</tool_call>");
        let wrong = format!("<tool_call>\n{PARIS}\n</tool_call>");
        for text in [
            String::new(),
            "No tool tells this. 3 < 4, a <tool is none, <tool_cal".to_owned(),
            block.clone(),
            format!("{block}\n{block}"),
            format!("Let me see.\n{block}\nand\n{block}\nDone."),
            format!("<think>A <tool_call> or </tool_call>?</think>\n{block}"),
            format!("\n<think>{wrong}</think>Nothing fits."),
            format!("a <think> in text{block}"),
        ] {
            assert_eq!(follow(&text), (text.len(), true), "{text}");
            let mut parser = Parser::new(Layout::Hermes);
            parser.feed(text.as_bytes());
            parser.end();
            assert_eq!(parser.status(), Status::Complete, "{text}");
        }
        for (text, until) in [
            (wrong.clone(), "Paris"),
            (format!("Text, then {wrong}"), "Paris"),
            (format!("<think>Hm.</think>{block}{wrong}"), "Paris"),
            (block.replace("weather", "sleep"), "sleep"),
            (block.replace("\n{", " {"), " {"),
            (block.replace("}\n<", "}<"), "</tool_call>"),
        ] {
            assert_eq!(follow(&text), (text.find(until).expect("it"), false), "{text}");
        }
        for open in ["<think>not ended", "<tool_call>", "text <tool_call>\n", &block[..block.len() - 1]] {
            assert_eq!(follow(open), (open.len(), false), "{open}");
        }
    }

    #[test]
    fn any_call_is_held_to_syntax_alone() {
        let block = format!("<tool_call>\n{PARIS}\n</tool_call>");
        assert_eq!(follow(Layout::Hermes, &[any_call()], &block), (block.len(), true));
        let cut = format!("<tool_call>\n{}", PARIS.replace("\"}}", "\"}]"));
        assert_eq!(follow(Layout::Hermes, &[any_call()], &cut), (cut.len() - 1, false));
    }

    #[test]
    fn without_tools_there_is_text() {
        let text = "I have no tool for this.";
        assert_eq!(follow(Layout::Hermes, &[], text), (text.len(), true));
        assert_eq!(follow(Layout::Hermes, &[], "a <tool_call>"), ("a <tool_call".len(), true));
        assert_eq!(follow(Layout::JsonList, &[], "[{"), (1, false));
    }
}
