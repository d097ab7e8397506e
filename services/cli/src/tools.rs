//! Tools files: a JSON list of tools in OpenAI's form or as plain objects.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use toolbeam_client::v1;

use crate::exit::WrongFile;

#[derive(Deserialize)]
#[serde(untagged)]
enum ToolEntry {
    OpenAi { function: PlainTool },
    Plain(PlainTool),
}

#[derive(Deserialize)]
struct PlainTool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Option<serde_json::Value>,
}

/// Reads a tools file. Parameters keep the order of their keys.
pub(crate) fn read_tools(path: &Path) -> Result<Vec<v1::Tool>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| WrongFile(format!("cannot read {name}")))?;
    parse_tools(&text).with_context(|| {
        WrongFile(format!(
            "{name} is no tools file: a JSON list of {{\"name\", \"description\", \"parameters\"}}"
        ))
    })
}

/// Parses the text of a tools file.
pub(crate) fn parse_tools(text: &str) -> Result<Vec<v1::Tool>> {
    let entries: Vec<Box<RawValue>> = serde_json::from_str(text)?;
    ensure!(!entries.is_empty(), "the list is empty; give at least one tool");
    entries.iter().enumerate().map(|(i, entry)| tool(entry).with_context(|| format!("tool {i}"))).collect()
}

fn tool(entry: &RawValue) -> Result<v1::Tool> {
    let tool = match serde_json::from_str(entry.get())? {
        ToolEntry::OpenAi { function } => function,
        ToolEntry::Plain(tool) => tool,
    };
    let parameters = tool.parameters.map(|parameters| parameters.to_string()).unwrap_or_default();
    Ok(v1::Tool { name: tool.name, description: tool.description, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = r#"[{"type": "function", "function": {"name": "f", "parameters": {"b": {}, "a": {}}}},
                       {"name": "g", "description": "d"}]"#;
        let tools = parse_tools(text).expect("parses");
        assert_eq!((tools[0].name.as_str(), tools[0].parameters.as_str()), ("f", r#"{"b":{},"a":{}}"#));
        assert_eq!((tools[1].description.as_str(), tools[1].parameters.as_str()), ("d", ""));
        assert!(parse_tools("[]").is_err());
        let error = parse_tools(r#"[{"name": "f"}, {"description": "no name"}]"#).expect_err("no name");
        assert!(format!("{error:#}").contains("tool 1"), "{error:#}");
    }
}
