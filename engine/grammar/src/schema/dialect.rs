//! Which dialect a tool's parameters are in, and their arguments as one closed object schema.

use serde_json::{Map, Value, json};

use super::error::{Fault, SchemaError};
use super::path::Path;
use super::subschema::{Member, Subschemas, close};

/// Most lists and objects inside one another; a schema spends two on each object in an object.
const MAX_DEPTH: usize = 64;

/// Keywords of which a JSON Schema for arguments has at least one at its root.
const ROOT_KEYWORDS: [&str; 15] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "$ref",
    "$schema",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// How a caller writes parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// JSON Schema.
    JsonSchema,
    /// BFCL's: a tree like JSON Schema's with Python's types. Its root is a `dict`.
    Bfcl,
    /// Hammer's and xLAM's: a map from each parameter's name to its description.
    Flat,
}

impl Dialect {
    /// The dialect of parameters that are not empty.
    ///
    /// They are flat if every member is an object. One JSON Schema looks the same, that with
    /// nothing but `properties`; it is told from a parameter of that name by what is inside: a
    /// parameter has a `type` that is a name, a map of properties has only schemas. A parameter
    /// may have any other name, be it `type`, `items` or `required`.
    fn of(parameters: &Map<String, Value>) -> Option<Dialect> {
        let holds_schemas = |value: &Value| {
            let map = value.as_object();
            map.is_some_and(|map| map.values().all(|v| v.is_object() || v.is_boolean()))
        };
        let is_tree = parameters.get("properties").is_some_and(holds_schemas);
        if !is_tree && parameters.values().all(Value::is_object) {
            return Some(Dialect::Flat);
        }
        match parameters.get("type") {
            Some(Value::String(name)) if name.eq_ignore_ascii_case("dict") => Some(Dialect::Bfcl),
            _ => {
                let known = ROOT_KEYWORDS.iter().any(|k| parameters.contains_key(*k));
                known.then_some(Dialect::JsonSchema)
            }
        }
    }
}

/// See [`normalize`](super::normalize), whose public face is in the module above.
pub(super) fn normalize(parameters: &Value) -> Result<Value, SchemaError> {
    check_depth(parameters, &Path::ROOT, 0)?;
    let map = match parameters {
        Value::Null => return Ok(no_arguments()),
        Value::Object(map) if map.is_empty() => return Ok(no_arguments()),
        Value::Object(map) => map,
        _ => return Err(SchemaError::new(&Path::ROOT, Fault::NoDialect)),
    };
    let schema = match Dialect::of(map) {
        Some(Dialect::JsonSchema) => tree(map, &Subschemas { python: false })?,
        Some(Dialect::Bfcl) => tree(map, &Subschemas { python: true })?,
        Some(Dialect::Flat) => flat(map)?,
        None => return Err(SchemaError::new(&Path::ROOT, Fault::NoDialect)),
    };
    Ok(Value::Object(schema))
}

fn no_arguments() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn tree(map: &Map<String, Value>, subschemas: &Subschemas) -> Result<Map<String, Value>, SchemaError> {
    let mut map = map.clone();
    // Arguments are never left out as a whole, and this schema is the document that `#` means.
    for keyword in ["default", "nullable", "$id"] {
        map.shift_remove(keyword);
    }
    let mut schema = subschemas.keywords(&map, &Path::ROOT)?;
    let is_object = match schema.get("type") {
        None => true,
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        Some(name) => name == "object",
    };
    if !is_object {
        return Err(SchemaError::new(&Path::ROOT.key("type"), Fault::NotAnObjectType));
    }
    schema.insert("type".into(), "object".into());
    schema.entry("properties").or_insert_with(|| json!({}));
    close(&mut schema, &Path::ROOT)?;
    Ok(schema)
}

/// A flat map as an object schema. Which parameters must be given:
///
/// 1. `required` or `optional`, true or false, decides for its own parameter;
/// 2. one with a `default`, or with a type such as `"str, optional"`, may be left out;
/// 3. one without any mark must be given if others of the same map are marked by the second rule
///    and none by the first (xLAM marks what is optional); otherwise it may be left out (Hammer's
///    sets mark what is required, others mark nothing and call with what the user said).
///
/// Measured on the gold calls of the public sets: beside siblings that are marked optional, 12% of
/// the parameters without a mark are absent (6 of 51). In maps without any mark, 74% are in snips,
/// hwu64 and STAR (144,295 of 195,847) and 1% in API-Bank and xLAM (14 of 1,173), and nothing in
/// such a map tells which kind it is. Refusing a right call is worse than letting an incomplete
/// one through to the reward model, so nothing is required there.
fn flat(map: &Map<String, Value>) -> Result<Map<String, Value>, SchemaError> {
    let members = Subschemas { python: true }.members(map, &Path::ROOT)?;
    let marks_required = members.iter().any(|(_, member)| member.required.is_some());
    let marks_optional = members.iter().any(|(_, member)| member.may_be_absent);
    let must_be_given = |member: &Member| match member.required {
        Some(required) => required,
        None => !member.may_be_absent && marks_optional && !marks_required,
    };
    let required: Vec<Value> = members
        .iter()
        .filter(|(_, member)| must_be_given(member))
        .map(|(name, _)| name.as_str().into())
        .collect();
    let properties: Map<String, Value> =
        members.into_iter().map(|(name, member)| (name, member.schema)).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    schema.insert("required".into(), required.into());
    schema.insert("additionalProperties".into(), false.into());
    Ok(schema)
}

/// Refuses what is nested more deeply than everything after this is willing to recurse.
fn check_depth(value: &Value, path: &Path<'_>, depth: usize) -> Result<(), SchemaError> {
    if depth == MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Err(SchemaError::new(path, Fault::TooDeep { limit: MAX_DEPTH }));
    }
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| check_depth(value, &path.index(index), depth + 1)),
        Value::Object(map) => {
            map.iter().try_for_each(|(key, value)| check_depth(value, &path.key(key), depth + 1))
        }
        _ => Ok(()),
    }
}
