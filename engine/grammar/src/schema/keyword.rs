//! Which keywords of JSON Schema draft 2020-12 hold other schemas, and how.

use serde_json::{Map, Value};

/// Keywords whose value is one schema.
const ONE: [&str; 11] = [
    "not",
    "if",
    "then",
    "else",
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is a map of schemas.
const MAP: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// How a keyword holds schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    One,
    List,
    Map,
    Nothing,
}

/// How `keyword` holds schemas.
pub(super) fn holds(keyword: &str) -> Holds {
    if ONE.contains(&keyword) {
        Holds::One
    } else if LIST.contains(&keyword) {
        Holds::List
    } else if MAP.contains(&keyword) {
        Holds::Map
    } else {
        Holds::Nothing
    }
}

/// The schemas directly inside `schema`, with the keyword and, in a list or map, the segment after
/// it.
pub(super) fn subschemas(schema: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (keyword, value) in schema {
        match (holds(keyword), value) {
            (Holds::One, schema) => found.push((keyword.clone(), schema)),
            (Holds::List, Value::Array(list)) => {
                let numbered = list.iter().enumerate();
                found.extend(numbered.map(|(index, s)| (format!("{keyword}/{index}"), s)));
            }
            (Holds::Map, Value::Object(map)) => {
                found.extend(
                    map.iter().map(|(name, s)| (format!("{keyword}/{}", super::path::escaped(name)), s)),
                );
            }
            _ => {}
        }
    }
    found
}
