//! Where the names of a tool's parameters stand, in whichever dialect.

use serde_json::{Map, Value};
use toolbeam_grammar::schema::normalize;

use super::prose::replaced;

/// Keywords at the root of a schema of which it is known where parameters' names stand in them.
const KNOWN: [&str; 7] =
    ["type", PROPERTIES, REQUIRED, "description", "title", "additionalProperties", DEFAULT];
const PROPERTIES: &str = "properties";
const REQUIRED: &str = "required";
const DEFAULT: &str = "default";

/// Parameters by name: a flat map, or the properties of a schema.
pub(super) struct Parameters {
    whole: Map<String, Value>,
    is_flat: bool,
}

impl Parameters {
    /// Reads parameters. `None` if they are no schema, or one in which names may stand elsewhere, too.
    pub(super) fn read(text: &str) -> Option<Parameters> {
        if text.trim().is_empty() {
            return Some(Parameters { whole: Map::new(), is_flat: true });
        }
        let value: Value = serde_json::from_str(text).ok()?;
        let schema = normalize(&value).ok()?;
        let declared = schema.get(PROPERTIES).and_then(Value::as_object)?;
        let whole = match value {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            _ => return None,
        };
        let is_flat = whole.len() == declared.len() && whole.keys().all(|name| declared.contains_key(name));
        // A flat map of a parameter called `properties` looks like either; its names are let alone.
        let is_clear = !(is_flat && whole.contains_key(PROPERTIES));
        let is_tree = whole.keys().all(|key| KNOWN.contains(&key.as_str())) && !text.contains("\"#/");
        (is_clear && (is_flat || is_tree)).then_some(Parameters { whole, is_flat })
    }

    /// The parameters' names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let declared = match self.is_flat {
            true => Some(&self.whole),
            false => self.whole.get(PROPERTIES).and_then(Value::as_object),
        };
        declared.into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// These with other names, as JSON text: where they are declared, in the list of those that are required,
    /// in a default of all arguments, and in descriptions. `known` are the old and new names of parameters,
    /// `functions` those of functions, which stand in descriptions only.
    pub(super) fn renamed(self, known: &[(String, String)], functions: &[(String, String)]) -> String {
        let prose: Vec<(String, String)> = known.iter().chain(functions).cloned().collect();
        let whole = match self.is_flat {
            true => rename_keys(self.whole, known),
            false => self.whole.into_iter().map(|(key, value)| member(key, value, known)).collect(),
        };
        reworded(Value::Object(whole), &prose).to_string()
    }
}

/// A keyword at the root of a schema.
fn member(key: String, value: Value, known: &[(String, String)]) -> (String, Value) {
    let value = match (key.as_str(), value) {
        (PROPERTIES | DEFAULT, Value::Object(map)) => Value::Object(rename_keys(map, known)),
        (REQUIRED, Value::Array(names)) => {
            let renamed = names.into_iter().map(|name| match name {
                Value::String(name) => Value::String(new_name(name, known)),
                other => other,
            });
            renamed.collect()
        }
        (_, value) => value,
    };
    (key, value)
}

fn rename_keys(map: Map<String, Value>, known: &[(String, String)]) -> Map<String, Value> {
    map.into_iter().map(|(name, value)| (new_name(name, known), value)).collect()
}

fn new_name(name: String, known: &[(String, String)]) -> String {
    let new = known.iter().find(|(old, _)| *old == name).map(|(_, new)| new.clone());
    new.unwrap_or(name)
}

/// A schema with the names in its descriptions replaced.
fn reworded(value: Value, names: &[(String, String)]) -> Value {
    match value {
        Value::Object(map) => {
            let members = map.into_iter().map(|(key, value)| match (key.as_str(), value) {
                ("description", Value::String(text)) => (key, replaced(&text, names).into()),
                (_, value) => (key, reworded(value, names)),
            });
            members.collect()
        }
        Value::Array(list) => list.into_iter().map(|value| reworded(value, names)).collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(String, String)> {
        [("from_city", "A"), ("days", "B")].map(|(old, new)| (old.to_owned(), new.to_owned())).to_vec()
    }

    #[test]
    fn names_are_changed_wherever_they_stand() {
        let check = |text: &str, expected: &str| {
            let parameters = Parameters::read(text).expect("names are clear");
            let found = parameters.renamed(&known(), &[]);
            let [found, expected]: [Value; 2] =
                [&found, expected].map(|text| serde_json::from_str(text).expect("JSON"));
            assert_eq!(found, expected, "{text}");
        };
        check(
            r#"{"type": "dict", "properties": {"from_city": {"type": "string", "default": "days"},
                "days": {"type": "dict", "properties": {"days": {"type": "integer"}}}},
                "required": ["from_city"], "default": {"days": {"days": 1}}}"#,
            r#"{"type": "dict", "properties": {"A": {"type": "string", "default": "days"},
                "B": {"type": "dict", "properties": {"days": {"type": "integer"}}}},
                "required": ["A"], "default": {"B": {"days": 1}}}"#,
        );
        check(
            r#"{"from_city": {"type": "str", "description": "not as days, with from_city", "required": true},
                "days": {"type": "int", "default": 3}}"#,
            r#"{"A": {"type": "str", "description": "not as days, with A", "required": true},
                "B": {"type": "int", "default": 3}}"#,
        );
        check("{}", "{}");
        check("", "{}");
    }

    #[test]
    fn names_that_may_stand_elsewhere_are_let_alone() {
        for text in [
            r##"{"type": "object", "properties": {"a": {"$ref": "#/properties/b"}, "b": {}}}"##,
            r#"{"type": "object", "properties": {"a": {}}, "dependentRequired": {"a": ["b"]}}"#,
            "[]",
            "no JSON",
        ] {
            assert!(Parameters::read(text).is_none(), "{text}");
        }
    }
}
