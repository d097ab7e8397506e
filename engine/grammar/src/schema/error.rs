//! What is wrong with a list of tools, where, and what to do about it.

use std::fmt;

use thiserror::Error;

use super::path::Path;

/// A list of tools, or the parameters of one, that cannot be used.
///
/// The message names the tool, the JSON pointer into its parameters and the remedy; it quotes no
/// more than a few characters of what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SchemaError {
    /// Which tool, if the error came from a list of tools.
    pub tool: Option<ToolPlace>,
    /// JSON pointer from the parameters to what is wrong; empty for the parameters themselves.
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

/// Where a tool stands in its list, and how it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPlace {
    /// Index in the list, from zero.
    pub index: usize,
    /// The tool's name as sent.
    pub name: String,
}

/// What can be wrong with tools and their parameters. The words after the semicolon are the
/// remedy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The list of tools is empty.
    #[error("no tool is declared; declare at least one")]
    NoTools,
    /// A tool without a name.
    #[error("the tool's name is empty; name the function to call")]
    NoName,
    /// A name longer than any answer could hold.
    #[error("the tool's name is longer than {limit} bytes; use a shorter one")]
    LongName {
        /// The longest name allowed, in bytes.
        limit: usize,
    },
    /// A name that an earlier tool has.
    #[error("the tool's name is already that of tools[{first}]; give every tool its own name")]
    DuplicateName {
        /// Index of the earlier tool.
        first: usize,
    },
    /// The parameters' text is not JSON.
    #[error("not JSON ({problem}); send a JSON object, or nothing if there are no arguments")]
    NotJson {
        /// What the JSON reader says, with line and column.
        problem: String,
    },
    /// The parameters are in no dialect.
    #[error(
        "neither a JSON Schema nor a map of parameters; send {{\"type\": \"object\", \
         \"properties\": {{...}}}}, or a map from each parameter's name to its \
         {{\"type\": ..., \"description\": ...}}"
    )]
    NoDialect,
    /// A place that needs a certain kind of JSON value has another.
    #[error("expected {expected}, found {found}; correct the value")]
    Shape {
        /// What belongs there.
        expected: &'static str,
        /// The kind of value that stands there.
        found: &'static str,
    },
    /// A type that no dialect has.
    #[error(
        "unknown type `{name}`; use string, integer, number, boolean, array, object, null or any, \
         or a Python type such as str, List[int], Dict[str, int], Union[int, str] or \"str, optional\""
    )]
    UnknownType {
        /// The type as written, shortened.
        name: String,
    },
    /// Parameters whose type is not an object.
    #[error("arguments are always an object; use \"type\": \"object\" (or \"dict\")")]
    NotAnObjectType,
    /// A closed object requires a member that it does not allow.
    #[error("`{name}` is required but not declared; add it to properties, or drop it from required")]
    UndeclaredRequired {
        /// The member's name, shortened.
        name: String,
    },
    /// A reference to another document.
    #[error("remote references are not followed; put the definition under $defs and refer to #/$defs/...")]
    RemoteReference,
    /// A reference to nothing, or to something that is no schema.
    #[error("the reference leads to no schema; put the definition under $defs and refer to #/$defs/...")]
    DanglingReference,
    /// A keyword that changes what references mean.
    #[error("`{keyword}` is not supported; use $ref with a JSON pointer such as #/$defs/...")]
    Unsupported {
        /// The keyword.
        keyword: String,
    },
    /// Nested too deeply.
    #[error("nested deeper than {limit} levels; flatten it")]
    TooDeep {
        /// The deepest nesting allowed.
        limit: usize,
    },
    /// A schema that unfolds without end, or nearly so.
    #[error(
        "the schema refers to itself without end or too often; use fewer references in allOf, anyOf and oneOf"
    )]
    Entangled,
    /// A keyword's value that JSON Schema does not allow.
    #[error("not a valid JSON Schema: {problem}; correct the keyword")]
    Refused {
        /// What the validator says, shortened.
        problem: String,
    },
}

impl SchemaError {
    pub(super) fn new(path: &Path<'_>, fault: Fault) -> SchemaError {
        SchemaError { tool: None, path: path.to_string(), fault }
    }

    pub(super) fn of_tool(mut self, index: usize, name: &str) -> SchemaError {
        self.tool = Some(ToolPlace { index, name: name.to_owned() });
        self
    }

    /// The request's field, as in `tools[2].parameters` or `tools[0].name`.
    pub fn field(&self) -> String {
        let member = match &self.fault {
            Fault::NoTools => return "tools".to_owned(),
            Fault::NoName | Fault::LongName { .. } | Fault::DuplicateName { .. } => "name",
            Fault::NotJson { .. }
            | Fault::NoDialect
            | Fault::Shape { .. }
            | Fault::UnknownType { .. }
            | Fault::NotAnObjectType
            | Fault::UndeclaredRequired { .. }
            | Fault::RemoteReference
            | Fault::DanglingReference
            | Fault::Unsupported { .. }
            | Fault::TooDeep { .. }
            | Fault::Entangled
            | Fault::Refused { .. } => "parameters",
        };
        match &self.tool {
            Some(tool) => format!("tools[{}].{member}", tool.index),
            None => member.to_owned(),
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field())?;
        if let Some(tool) = &self.tool {
            write!(f, " (`{}`)", excerpt(&tool.name, 64))?;
        }
        if !self.path.is_empty() {
            write!(f, " at {}", excerpt(&self.path, 256))?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// At most `limit` characters of `text`, with an ellipsis where some are missing.
pub(super) fn excerpt(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What kind of JSON value this is, for messages.
pub(super) fn kind(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}
