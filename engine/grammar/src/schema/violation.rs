//! What is wrong with a call, for a person or a model to correct.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use thiserror::Error;

use super::error::excerpt;
use super::path::escaped;

/// One way in which a call does not fit the declared tools. Paths are JSON pointers into the
/// call's arguments (`/point/0`). Messages do not quote the arguments' values, so that they can be
/// logged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// No tool has this name.
    #[error("no tool is named `{}`; call one that is declared", excerpt(name, 64))]
    UnknownFunction {
        /// The name called.
        name: String,
    },
    /// An argument, or a member of one, that the tool does not declare.
    #[error("`{function}`: {path} is not declared; leave it out")]
    Undeclared {
        /// The tool.
        function: String,
        /// Where it stands.
        path: String,
    },
    /// A required argument, or member of one, that is not given.
    #[error("`{function}`: {path} is required; give it a value")]
    Missing {
        /// The tool.
        function: String,
        /// Where it belongs.
        path: String,
    },
    /// An argument given more than once.
    #[error("`{function}`: {path} is given more than once; give it once")]
    Repeated {
        /// The tool.
        function: String,
        /// Where it stands.
        path: String,
    },
    /// A value that its schema does not allow.
    #[error("`{function}`: {path}: {reason}; use a value that the schema allows")]
    Value {
        /// The tool.
        function: String,
        /// Where the value stands; empty for the arguments as a whole.
        path: String,
        /// What the schema says, shortened.
        reason: String,
    },
    /// Arguments so nested or so long that applying this schema to them has no reasonable bound.
    #[error("`{function}`: the arguments are too large for this schema; send fewer or less nested values")]
    TooLarge {
        /// The tool.
        function: String,
    },
}

/// The violations that one error of the validator stands for.
pub(super) fn of_error(function: &str, error: &ValidationError<'_>) -> Vec<Violation> {
    let function = || function.to_owned();
    let parent = error.instance_path().as_str();
    let member = |name: &str| format!("{parent}/{}", escaped(name));
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| Violation::Undeclared { function: function(), path: member(name) })
            .collect(),
        ValidationErrorKind::Required { property: Value::String(name) } => {
            vec![Violation::Missing { function: function(), path: member(name) }]
        }
        _ => {
            let reason = excerpt(&error.masked().to_string(), 256);
            vec![Violation::Value { function: function(), path: parent.to_owned(), reason }]
        }
    }
}
