//! One schema of any dialect, and all inside it, as JSON Schema draft 2020-12.

use serde_json::{Map, Value};

use super::error::{Fault, SchemaError, excerpt, kind};
use super::keyword::{Holds, holds};
use super::path::Path;
use super::{python, type_name};

/// Translates schemas. The dialects differ in little once their shape is known, so one walk reads
/// all of them; type names of every dialect are understood everywhere.
pub(super) struct Subschemas {
    /// Whether this is BFCL's or the flat dialect, where only known keywords count, `optional`
    /// says that a member may be left out, and defaults and enums are read as Python's authors
    /// meant them (see [`python`]).
    pub(super) python: bool,
}

/// A property or parameter, with what its own description says of its presence.
pub(super) struct Member {
    pub(super) schema: Value,
    /// `required: true` or `optional: false`, and their opposites.
    pub(super) required: Option<bool>,
    /// It has a default, or a type such as `"str, optional"`.
    pub(super) may_be_absent: bool,
}

impl Subschemas {
    /// The members of `properties`, or of a flat map.
    pub(super) fn members(
        &self,
        map: &Map<String, Value>,
        path: &Path<'_>,
    ) -> Result<Vec<(String, Member)>, SchemaError> {
        map.iter().map(|(name, value)| Ok((name.clone(), self.member(value, &path.key(name))?))).collect()
    }

    fn member(&self, value: &Value, path: &Path<'_>) -> Result<Member, SchemaError> {
        let Value::Object(map) = value else {
            let schema = self.schema(value, path)?;
            return Ok(Member { schema, required: None, may_be_absent: false });
        };
        let mut required = flag(map, "required", path)?;
        if self.python
            && let Some(optional) = flag(map, "optional", path)?
        {
            required = required.or(Some(!optional));
        }
        let named_optional = match map.get("type") {
            Some(Value::String(name)) => type_name::parse(name).is_ok_and(|named| named.optional),
            _ => false,
        };
        let may_be_absent = self.python && (named_optional || map.contains_key("default"));
        let schema = Value::Object(self.keywords(map, path)?);
        Ok(Member { schema, required, may_be_absent })
    }

    fn schema(&self, value: &Value, path: &Path<'_>) -> Result<Value, SchemaError> {
        match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::Object(map) => Ok(Value::Object(self.keywords(map, path)?)),
            _ => Err(shape(path, "a schema such as {\"type\": \"string\"}", value)),
        }
    }

    /// The keywords of one schema.
    pub(super) fn keywords(
        &self,
        map: &Map<String, Value>,
        path: &Path<'_>,
    ) -> Result<Map<String, Value>, SchemaError> {
        let mut schema = Map::new();
        if let Some(name) = map.get("type") {
            schema = types(name, &path.key("type"))?;
        }
        for (keyword, value) in map {
            if let Some((keyword, value)) = self.keyword(keyword, map, value, path)? {
                merge(&mut schema, keyword, value);
            }
        }
        self.presence(map, path, &mut schema)?;
        if map.get("nullable") == Some(&Value::Bool(true)) {
            python::admit_null(&mut schema);
        }
        if self.python {
            if schema.get("properties").and_then(Value::as_object).is_some_and(|p| !p.is_empty()) {
                close(&mut schema, path)?;
            }
            python::adapt(&mut schema);
        }
        Ok(schema)
    }

    /// One keyword, other than those about types and presence; `None` if it is dropped.
    fn keyword<'a>(
        &self,
        keyword: &'a str,
        map: &Map<String, Value>,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<Option<(&'a str, Value)>, SchemaError> {
        let path = &path.key(keyword);
        let tuple = map.get("items").is_some_and(Value::is_array);
        let (keyword, value) = match (keyword, value) {
            ("type" | "properties" | "required" | "optional" | "nullable", _) => return Ok(None),
            // This schema is read as draft 2020-12 whatever it says it is.
            ("$schema" | "$vocabulary" | "$dynamicAnchor" | "$recursiveAnchor", _) => return Ok(None),
            ("$id" | "$dynamicRef" | "$recursiveRef", _) => {
                return Err(SchemaError::new(path, Fault::Unsupported { keyword: keyword.into() }));
            }
            ("$ref", Value::String(reference)) if reference.starts_with('#') => (keyword, value.clone()),
            ("$ref", Value::String(_)) => {
                return Err(SchemaError::new(path, Fault::RemoteReference));
            }
            ("$ref", _) => return Err(shape(path, "a reference such as \"#/$defs/name\"", value)),
            // Drafts up to 2019-09 wrote tuples this way.
            ("items", Value::Array(list)) => ("prefixItems", self.list(list, path)?),
            ("additionalItems", _) if tuple => ("items", self.schema(value, path)?),
            // Draft 4 and OpenAPI 3.0 wrote exclusive bounds this way.
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(exclusive)) => {
                let bound = if keyword == "exclusiveMinimum" { "minimum" } else { "maximum" };
                match map.get(bound) {
                    Some(bound) if *exclusive => (keyword, bound.clone()),
                    _ => return Ok(None),
                }
            }
            _ => match (holds(keyword), value) {
                (Holds::One, _) => (keyword, self.schema(value, path)?),
                (Holds::List, Value::Array(list)) => (keyword, self.list(list, path)?),
                (Holds::List, _) => return Err(shape(path, "a list of schemas", value)),
                (Holds::Map, Value::Object(map)) => (keyword, self.map(map, path)?),
                (Holds::Map, _) => return Err(shape(path, "a map of schemas", value)),
                (Holds::Nothing, _) if self.python && !python::knows(keyword, value) => {
                    return Ok(None);
                }
                (Holds::Nothing, _) => (keyword, value.clone()),
            },
        };
        Ok(Some((keyword, value)))
    }

    fn list(&self, list: &[Value], path: &Path<'_>) -> Result<Value, SchemaError> {
        let numbered = list.iter().enumerate();
        numbered.map(|(index, value)| self.schema(value, &path.index(index))).collect()
    }

    fn map(&self, map: &Map<String, Value>, path: &Path<'_>) -> Result<Value, SchemaError> {
        let schemas: Result<Map<String, Value>, SchemaError> = map
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.schema(value, &path.key(name))?)))
            .collect();
        Ok(Value::Object(schemas?))
    }

    /// `properties`, and which of them are required by the list or by their own mark. A mark wins.
    fn presence(
        &self,
        map: &Map<String, Value>,
        path: &Path<'_>,
        schema: &mut Map<String, Value>,
    ) -> Result<(), SchemaError> {
        let mut required = names(map, "required", path)?;
        if self.python {
            let optional = names(map, "optional", path)?;
            required.retain(|name| !optional.contains(name));
        }
        if let Some(value) = map.get("properties") {
            let path = &path.key("properties");
            let Value::Object(properties) = value else {
                return Err(shape(path, "a map of schemas", value));
            };
            let mut schemas = Map::new();
            for (name, member) in self.members(properties, path)? {
                match member.required {
                    Some(true) if !required.contains(&name) => required.push(name.clone()),
                    Some(false) => required.retain(|other| *other != name),
                    _ => {}
                }
                schemas.insert(name, member.schema);
            }
            schema.insert("properties".into(), schemas.into());
        }
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        Ok(())
    }
}

/// Allows no member that the schema does not declare, unless the schema itself says what it allows.
pub(super) fn close(schema: &mut Map<String, Value>, path: &Path<'_>) -> Result<(), SchemaError> {
    let has = |keyword: &&str| schema.contains_key(*keyword);
    if ["additionalProperties", "unevaluatedProperties"].iter().any(has) {
        return Ok(());
    }
    if ["$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"].iter().any(has) {
        // Members may be declared behind these, where additionalProperties does not look.
        schema.insert("unevaluatedProperties".into(), false.into());
        return Ok(());
    }
    schema.insert("additionalProperties".into(), false.into());
    let declared = |name: &str| schema.get("properties").is_some_and(|p| p.get(name).is_some());
    let required = schema.get("required").and_then(Value::as_array);
    let undeclared = required.into_iter().flatten().filter_map(Value::as_str).find(|n| !declared(n));
    match undeclared {
        Some(name) if !schema.contains_key("patternProperties") => {
            let fault = Fault::UndeclaredRequired { name: excerpt(name, 64) };
            Err(SchemaError::new(&path.key("required"), fault))
        }
        _ => Ok(()),
    }
}

/// The keywords of `type`: a name, or a list of names.
fn types(value: &Value, path: &Path<'_>) -> Result<Map<String, Value>, SchemaError> {
    let parse = |value: &Value, path: &Path<'_>| match value {
        Value::String(name) => match type_name::parse(name) {
            Ok(named) => Ok(named.schema),
            Err(name) => Err(SchemaError::new(path, Fault::UnknownType { name })),
        },
        _ => Err(shape(path, "a type's name", value)),
    };
    match value {
        Value::Array(list) if !list.is_empty() => {
            let numbered = list.iter().enumerate();
            let members = numbered.map(|(index, name)| parse(name, &path.index(index)));
            Ok(type_name::any_of(members.collect::<Result<_, _>>()?))
        }
        _ => parse(value, path),
    }
}

/// Adds a keyword that the caller wrote to those that the type's name stands for. The caller's
/// wins, but for two `anyOf`, which both hold.
fn merge(schema: &mut Map<String, Value>, keyword: &str, value: Value) {
    let from_type = match keyword {
        "anyOf" => schema.shift_remove("anyOf"),
        "allOf" => schema.shift_remove("allOf"),
        _ => None,
    };
    match (from_type, value) {
        (Some(of_type), value) if keyword == "anyOf" => {
            schema.insert(keyword.into(), value);
            schema.insert("allOf".into(), serde_json::json!([{ "anyOf": of_type }]));
        }
        (Some(Value::Array(mut both)), Value::Array(list)) => {
            both.extend(list);
            schema.insert(keyword.into(), both.into());
        }
        (_, value) => {
            schema.insert(keyword.into(), value);
        }
    }
}

/// A list of names, without repetitions; a boolean is a mark of the schema itself, read by its
/// parent.
fn names(map: &Map<String, Value>, keyword: &str, path: &Path<'_>) -> Result<Vec<String>, SchemaError> {
    let path = &path.key(keyword);
    let list = match map.get(keyword) {
        None | Some(Value::Bool(_) | Value::String(_) | Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(shape(path, "a list of names", other)),
    };
    let mut names: Vec<String> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let Value::String(name) = value else {
            return Err(shape(&path.index(index), "a property's name", value));
        };
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// A mark such as `required: true`. BFCL writes some as strings.
fn flag(map: &Map<String, Value>, keyword: &str, path: &Path<'_>) -> Result<Option<bool>, SchemaError> {
    let value = match map.get(keyword) {
        None | Some(Value::Array(_) | Value::Null) => return Ok(None),
        Some(Value::Bool(flag)) => return Ok(Some(*flag)),
        Some(value) => value,
    };
    match value.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        _ => Err(shape(&path.key(keyword), "true, false or a list of names", value)),
    }
}

fn shape(path: &Path<'_>, expected: &'static str, value: &Value) -> SchemaError {
    SchemaError::new(path, Fault::Shape { expected, found: kind(value) })
}
