//! What the authors of BFCL's and of flat schemas mean by their keywords.
//!
//! Those schemas were never checked by a validator. Read literally, some accept no value at all
//! (`boolean` with the enum `["True", "False"]`) and many refuse their own default.

use serde_json::{Map, Value, json};

use super::keyword::{Holds, holds};

/// Keywords that hold no schemas and are kept. Others are notes to the reader (`unit`, `example`)
/// or have another meaning there.
const KEPT: [&str; 17] = [
    "default",
    "enum",
    "const",
    "$ref",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// Keywords that say nothing about which values are legal.
const ANNOTATIONS: [&str; 3] = ["title", "description", "default"];

/// Whether a keyword that holds no schemas is kept.
pub(super) fn knows(keyword: &str, value: &Value) -> bool {
    match keyword {
        "title" | "description" => value.is_string(),
        _ => KEPT.contains(&keyword),
    }
}

/// Adapts one schema whose keywords are translated:
///
/// * an array's `enum` lists what its items may be, unless it lists arrays or null;
/// * an enum's members are read as the declared type (`"True"` as `true`, `"2"` as `2`); those
///   that cannot be are no choice, and an enum without any choice says nothing;
/// * the default is always a legal value, `null` above all.
pub(super) fn adapt(schema: &mut Map<String, Value>) {
    move_enum_to_items(schema);
    read_enum_as_type(schema);
    let Some(default) = schema.get("default").cloned() else {
        return;
    };
    if default.is_null() {
        admit_null(schema);
    } else if !admits(schema, &default) {
        admit(schema, json!({ "const": default }));
    }
}

/// Makes what `other` accepts legal too.
fn admit(schema: &mut Map<String, Value>, other: Value) {
    let is_annotation = |keyword: &str| ANNOTATIONS.contains(&keyword);
    let (annotations, constraints): (Map<_, _>, Map<_, _>) =
        std::mem::take(schema).into_iter().partition(|(keyword, _)| is_annotation(keyword));
    *schema = annotations;
    schema.insert("anyOf".into(), json!([constraints, other]));
}

/// Makes `null` a legal value.
pub(super) fn admit_null(schema: &mut Map<String, Value>) {
    if admits(schema, &Value::Null) {
        return;
    }
    let simple = !schema.keys().any(|k| k == "const" || k == "$ref" || holds(k) == Holds::List);
    match schema.get_mut("type") {
        Some(types) if simple => {
            let mut names = match types.take() {
                Value::Array(names) => names,
                name => vec![name],
            };
            if !names.iter().any(|name| name == "null") {
                names.push("null".into());
            }
            *types = names.into();
            if let Some(Value::Array(members)) = schema.get_mut("enum") {
                members.push(Value::Null);
            }
        }
        _ => admit(schema, json!({ "type": "null" })),
    }
}

fn move_enum_to_items(schema: &mut Map<String, Value>) {
    let members = schema.get("enum").and_then(Value::as_array);
    let of_items = members.is_some_and(|list| !list.iter().any(|m| m.is_array() || m.is_null()));
    if !of_items || schema.get("type") != Some(&"array".into()) {
        return;
    }
    let members = schema.shift_remove("enum").unwrap_or_default();
    let items = schema.entry("items").or_insert_with(|| json!({}));
    if let Value::Object(items) = items {
        items.entry("enum").or_insert(members);
        read_enum_as_type(items);
    }
}

fn read_enum_as_type(schema: &mut Map<String, Value>) {
    let Some(Value::String(name)) = schema.get("type").cloned() else {
        return;
    };
    let Some(Value::Array(members)) = schema.get("enum") else {
        return;
    };
    let lists_null = members.contains(&Value::Null);
    let read: Vec<Value> = members.iter().filter_map(|m| read_as(m, &name)).collect();
    if read.is_empty() {
        schema.shift_remove("enum");
    } else {
        schema.insert("enum".into(), read.into());
    }
    if lists_null {
        admit_null(schema);
    }
}

/// `member` as a value of the type `name`.
fn read_as(member: &Value, name: &str) -> Option<Value> {
    if is_of(member, name) {
        return Some(member.clone());
    }
    match (member, name) {
        (Value::String(text), "boolean") => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        (Value::String(text), "integer" | "number") => {
            let number: Value = serde_json::from_str::<serde_json::Number>(text).ok()?.into();
            is_of(&number, name).then_some(number)
        }
        (Value::Number(number), "string") => Some(number.to_string().into()),
        _ => None,
    }
}

/// Whether `value` passes the schema's type and enum, as far as they can be told at a glance.
fn admits(schema: &Map<String, Value>, value: &Value) -> bool {
    let of_type = match schema.get("type") {
        Some(Value::String(name)) => is_of(value, name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(|n| is_of(value, n)),
        _ => true,
    };
    let in_enum = match schema.get("enum") {
        Some(Value::Array(members)) => members.contains(value),
        _ => true,
    };
    let in_union = match schema.get("anyOf") {
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_object).any(|schema| admits(schema, value))
        }
        _ => true,
    };
    of_type && in_enum && in_union
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
