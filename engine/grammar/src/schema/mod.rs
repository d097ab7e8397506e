//! Tools as callers declare them, and whether a call fits them.
//!
//! Parameters come in three dialects, told apart by their shape alone:
//!
//! | dialect | how it is known | arguments that are not declared |
//! | --- | --- | --- |
//! | JSON Schema | the root has `type`, `properties` or another keyword of an object schema | a violation unless the root has `additionalProperties` or `unevaluatedProperties`; inside nested objects JSON Schema's own default (allowed) |
//! | BFCL | the root's `type` is `dict` | a violation unless `additionalProperties` says otherwise, also inside nested objects that declare `properties` |
//! | flat (Hammer, xLAM) | every member is an object that describes one parameter | a violation |
//!
//! Nothing (`null`, `{}`, an empty text) means that the function takes no arguments. The one flat
//! map that cannot be told from JSON Schema is that of a single parameter named `properties`, or
//! of objects only with one among them, whose description has no `type`: it is read as JSON Schema.
//!
//! [`normalize`] gives the parameters as JSON Schema draft 2020-12, which is what calls are
//! validated by and what a decoder can be constrained by. JSON Schema passes through but for
//! spellings of older drafts (tuples as a list of `items`, boolean exclusive bounds, `nullable`)
//! and boolean `required` inside properties. In every dialect `type` may be a Python type, such as
//! `List[Tuple[int, str]]` or `"str, optional"`, and the case of names does not count.
//!
//! In BFCL's and flat schemas a float may be written as an integer, a default is always a legal
//! value, an array's `enum` is that of its items, and an enum's members are read as the declared
//! type. As in JSON Schema, `5.0` is an integer. Formats are not asserted. References must start
//! with `#`; nothing outside the schema is ever read.

mod dialect;
mod error;
mod keyword;
mod path;
mod python;
mod subschema;
#[cfg(test)]
mod tests;
mod type_name;
mod unfolding;
mod violation;

use std::collections::HashMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

pub use error::{Fault, SchemaError, ToolPlace};
pub use violation::Violation;

use self::error::excerpt;
use self::path::Path;
use crate::answer::Call;
use crate::limits::Limits;

/// Steps that a regular expression of a schema may backtrack before its value counts as not
/// matching.
const BACKTRACK_LIMIT: usize = 100_000;
/// Most violations reported of one call.
const MAX_VIOLATIONS: usize = 32;

/// A tool as its caller declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolDefinition {
    /// The function's name. It may contain dots.
    pub name: String,
    /// What the function does, for the policy to read.
    pub description: String,
    /// The parameters as JSON text, in any dialect.
    pub parameters: String,
}

/// Tools that are known to be usable, compiled once for any number of calls.
#[derive(Debug)]
pub struct ToolSet {
    tools: Vec<Tool>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
struct Tool {
    name: String,
    schema: Value,
    validator: Validator,
}

impl ToolSet {
    /// Normalises and compiles every tool.
    ///
    /// ```
    /// use toolbeam_grammar::Call;
    /// use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
    ///
    /// let tools = ToolSet::compile(&[ToolDefinition {
    ///     name: "weather.get".into(),
    ///     description: "the weather at a place".into(),
    ///     parameters: r#"{"city": {"type": "str", "required": true}}"#.into(),
    /// }])?;
    /// let call = Call::from_json("weather.get", r#"{"town": "Oslo"}"#)?;
    /// let violations = tools.validate(&call).unwrap_err();
    /// assert_eq!(violations[0].to_string(), "`weather.get`: /town is not declared; leave it out");
    /// assert_eq!(violations[1].to_string(), "`weather.get`: /city is required; give it a value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first thing wrong: an empty list, a name that is empty, longer than an answer can hold
    /// or taken, or parameters that are no schema in any dialect. No call to another machine is
    /// made and no work beyond a bound is done to find it.
    pub fn compile(tools: &[ToolDefinition]) -> Result<ToolSet, SchemaError> {
        if tools.is_empty() {
            return Err(SchemaError::new(&Path::ROOT, Fault::NoTools));
        }
        let mut set = ToolSet { tools: Vec::with_capacity(tools.len()), by_name: HashMap::new() };
        for (index, definition) in tools.iter().enumerate() {
            let tool = set
                .check_name(&definition.name)
                .and_then(|()| Tool::compile(definition))
                .map_err(|error| error.of_tool(index, &definition.name))?;
            set.by_name.insert(tool.name.clone(), index);
            set.tools.push(tool);
        }
        Ok(set)
    }

    fn check_name(&self, name: &str) -> Result<(), SchemaError> {
        let limit = Limits::default().name_bytes as usize;
        let fault = match self.by_name.get(name) {
            Some(first) => Fault::DuplicateName { first: *first },
            None if name.is_empty() => Fault::NoName,
            None if name.len() > limit => Fault::LongName { limit },
            None => return Ok(()),
        };
        Err(SchemaError::new(&Path::ROOT, fault))
    }

    /// The tools' names, in the order in which they were declared.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tools.iter().map(|tool| tool.name.as_str())
    }

    /// The normalised schema of a tool's arguments; see [`normalize`].
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.tool(name).map(|tool| &tool.schema)
    }

    /// Whether `call` names a declared tool and its arguments fit.
    ///
    /// # Errors
    /// What does not fit, at most 32 violations.
    pub fn validate(&self, call: &Call) -> Result<(), Vec<Violation>> {
        let Some(tool) = self.tool(&call.name) else {
            return Err(vec![Violation::UnknownFunction { name: call.name.clone() }]);
        };
        let violations = tool.violations(call);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    fn tool(&self, name: &str) -> Option<&Tool> {
        self.by_name.get(name).map(|index| &self.tools[*index])
    }
}

impl Tool {
    fn compile(definition: &ToolDefinition) -> Result<Tool, SchemaError> {
        let schema = normalize(&read(&definition.parameters)?)?;
        unfolding::check(&schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT))
            .build(&schema)
            .map_err(|error| SchemaError {
                tool: None,
                path: error.instance_path().as_str().to_owned(),
                fault: Fault::Refused { problem: excerpt(&error.masked().to_string(), 256) },
            })?;
        Ok(Tool { name: definition.name.clone(), schema, validator })
    }

    fn violations(&self, call: &Call) -> Vec<Violation> {
        let function = || self.name.clone();
        let mut names: Vec<&str> = call.arguments.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let repeated = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| {
            let path = Path::ROOT.key(pair[0]).to_string();
            Violation::Repeated { function: function(), path }
        });
        let mut violations: Vec<Violation> = repeated.collect();
        violations.dedup();
        let arguments = call.arguments_value().to_json();
        if !unfolding::is_bounded(&self.schema, &arguments) {
            violations.push(Violation::TooLarge { function: function() });
        } else if !self.validator.is_valid(&arguments) {
            let errors = self.validator.iter_errors(&arguments);
            violations.extend(errors.flat_map(|error| violation::of_error(&self.name, &error)));
        }
        violations.truncate(MAX_VIOLATIONS);
        violations
    }
}

/// The parameters' text as JSON; nothing is null.
fn read(parameters: &str) -> Result<Value, SchemaError> {
    if parameters.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(parameters).map_err(|error| {
        let problem = excerpt(&error.to_string(), 256);
        SchemaError::new(&Path::ROOT, Fault::NotJson { problem })
    })
}

/// The parameters of a tool, in any dialect, as one JSON Schema (draft 2020-12) of an object: the
/// call's arguments. `$ref`s point into the result, `properties` is always there, and what is not
/// declared is not allowed unless the parameters say so.
///
/// The result of parameters that only JSON Schema's own rules forbid (a negative `minLength`, an
/// unreadable `pattern`) is refused by [`ToolSet::compile`], not here.
///
/// ```
/// use serde_json::json;
/// use toolbeam_grammar::schema::normalize;
///
/// let flat = json!({"days": {"type": "List[int]", "required": true}});
/// let schema = json!({
///     "type": "object",
///     "properties": {"days": {"type": "array", "items": {"type": "integer"}}},
///     "required": ["days"],
///     "additionalProperties": false,
/// });
/// assert_eq!(normalize(&flat)?, schema);
/// # Ok::<(), toolbeam_grammar::schema::SchemaError>(())
/// ```
///
/// # Errors
/// What is wrong, with its JSON pointer and the remedy.
pub fn normalize(parameters: &Value) -> Result<Value, SchemaError> {
    dialect::normalize(parameters)
}
