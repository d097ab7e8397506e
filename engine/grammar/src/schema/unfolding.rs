//! How much work a schema is to apply: references let a few lines of JSON ask for years of it.
//!
//! A validator applies every schema that a reference, `allOf`, `anyOf` or `oneOf` leads to, again
//! for every way that leads there, so work can double with each definition, and with each level of
//! the arguments. The walk here takes the same ways without doing the work, and stops at a bound.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::{Fault, SchemaError};
use super::keyword::subschemas;

/// Most schemas applied to one call's arguments.
const MAX_APPLICATIONS: usize = 1_000_000;
/// Most schemas unfolded when a tool is compiled, over all its schemas.
const MAX_UNFOLDED: usize = 100_000;
/// Most schemas applied one inside another, by keyword, reference or the arguments' nesting.
const MAX_DEPTH: usize = 512;

/// Keywords whose schemas apply to the same value as the schema they stand in.
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];

/// Checks that every reference leads to a schema inside `root`, and that no schema unfolds without
/// end before it reaches a value.
pub(super) fn check(root: &Value) -> Result<(), SchemaError> {
    let places = places(root);
    let known: HashSet<*const Value> = places.iter().map(|(_, schema)| std::ptr::from_ref(*schema)).collect();
    let mut work = Work { root, left: MAX_UNFOLDED };
    for (path, schema) in &places {
        let error = |path: String, fault| SchemaError { tool: None, path, fault };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = resolve(root, reference).map(std::ptr::from_ref);
            if !target.is_some_and(|target| known.contains(&target)) {
                return Err(error(format!("{path}/$ref"), Fault::DanglingReference));
            }
        }
        if !work.apply(schema, None, 0) {
            return Err(error(path.clone(), Fault::Entangled));
        }
    }
    Ok(())
}

/// Whether `schema` can be applied to `arguments` within the bounds.
pub(super) fn is_bounded(schema: &Value, arguments: &Value) -> bool {
    Work { root: schema, left: MAX_APPLICATIONS }.apply(schema, Some(arguments), 0)
}

/// Every schema in `root`, itself first, with its JSON pointer.
fn places(root: &Value) -> Vec<(String, &Value)> {
    let mut places = vec![(String::new(), root)];
    let mut next = 0;
    while let Some((path, schema)) = places.get(next).cloned() {
        let inner = schema.as_object().map(subschemas).unwrap_or_default();
        places.extend(inner.into_iter().map(|(segment, s)| (format!("{path}/{segment}"), s)));
        next += 1;
    }
    places
}

struct Work<'a> {
    root: &'a Value,
    left: usize,
}

impl Work<'_> {
    /// Counts the applications of `schema` to `value`, or only to the value as a whole if it is
    /// not known; false if there are too many.
    fn apply(&mut self, schema: &Value, value: Option<&Value>, depth: usize) -> bool {
        let Some(schema) = schema.as_object() else {
            return true;
        };
        if self.left == 0 || depth > MAX_DEPTH {
            return false;
        }
        self.left -= 1;
        // To know what is unevaluated, everything in place is applied a second time.
        let unevaluated = ["unevaluatedProperties", "unevaluatedItems"];
        let times = if unevaluated.iter().any(|k| schema.contains_key(*k)) { 2 } else { 1 };
        for _ in 0..times {
            if !self.apply_in_place(schema, value, depth + 1) {
                return false;
            }
        }
        match value {
            Some(Value::Object(members)) => {
                members.iter().all(|(name, value)| self.apply_member(schema, name, value, depth + 1))
            }
            Some(Value::Array(items)) => {
                let numbered = items.iter().enumerate();
                numbered.into_iter().all(|(at, item)| self.apply_item(schema, at, item, depth + 1))
            }
            _ => true,
        }
    }

    fn apply_in_place(&mut self, schema: &Map<String, Value>, value: Option<&Value>, depth: usize) -> bool {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|reference| resolve(self.root, reference));
        let lists = IN_PLACE_LISTS.iter().filter_map(|k| schema.get(*k)?.as_array());
        let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
        target
            .into_iter()
            .chain(lists.flatten())
            .chain(IN_PLACE.iter().filter_map(|k| schema.get(*k)))
            .chain(dependent.into_iter().flat_map(Map::values))
            .all(|schema| self.apply(schema, value, depth))
    }

    fn apply_member(&mut self, schema: &Map<String, Value>, name: &str, value: &Value, depth: usize) -> bool {
        let declared = schema.get("properties").and_then(|properties| properties.get(name));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let others = ["additionalProperties", "unevaluatedProperties"];
        let named = schema.get("propertyNames");
        declared
            .into_iter()
            .chain(patterns.into_iter().flat_map(Map::values))
            .chain(others.iter().filter_map(|k| schema.get(*k)))
            .all(|schema| self.apply(schema, Some(value), depth))
            && named.is_none_or(|schema| self.apply(schema, None, depth))
    }

    fn apply_item(&mut self, schema: &Map<String, Value>, at: usize, item: &Value, depth: usize) -> bool {
        let prefix = schema.get("prefixItems").and_then(|items| items.get(at));
        let others = ["items", "contains", "unevaluatedItems"];
        prefix
            .into_iter()
            .chain(others.iter().filter_map(|k| schema.get(*k)))
            .all(|schema| self.apply(schema, Some(item), depth))
    }
}

/// What a local reference (`#` or `#/...`, RFC 6901 with percent-encoding) leads to.
fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(&percent_decoded(reference.strip_prefix('#')?)?)
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
