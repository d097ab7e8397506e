//! The parameters of a tool, in whichever dialect, where their names stand and can be changed.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use toolbeam_grammar::schema::normalize;

use super::names::Names;

/// Keywords at the root of a schema that say nothing of single parameters.
const PLAIN: [&str; 6] = ["type", "properties", "required", "description", "title", "additionalProperties"];
const PROPERTIES: &str = "properties";
const REQUIRED: &str = "required";
const DEFAULT: &str = "default";

/// Parameters by name: a flat map, or the properties of a schema.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    whole: Map<String, Value>,
    is_flat: bool,
}

impl Parameters {
    /// Reads parameters. `None` if they are no schema, or one in which names stand elsewhere, too.
    pub(super) fn read(text: &RawValue) -> Option<Parameters> {
        let value: Value = serde_json::from_str(text.get()).ok()?;
        let schema = normalize(&value).ok()?;
        let names = || schema[PROPERTIES].as_object().into_iter().flatten().map(|(name, _)| name);
        let whole = match value {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            _ => return None,
        };
        let is_flat = whole.len() == names().count() && names().all(|name| whole.contains_key(name));
        let tree = whole.get(PROPERTIES).and_then(Value::as_object);
        let is_plain = whole.keys().all(|key| PLAIN.contains(&key.as_str()))
            && tree.is_none_or(|tree| names().all(|name| tree.contains_key(name)))
            && !text.get().contains("\"#/");
        // A map of a parameter called `properties` looks like either; its names are let alone.
        let is_clear = !(is_flat && whole.contains_key(PROPERTIES));
        (is_clear && (is_flat || is_plain)).then_some(Parameters { whole, is_flat })
    }

    /// Parameters of which it is known whether they are flat.
    pub(super) fn known(text: &RawValue, is_flat: bool) -> Option<Parameters> {
        Some(Parameters { whole: serde_json::from_str(text.get()).ok()?, is_flat })
    }

    /// Whether they are a map by themselves, and not the properties of a schema.
    pub(super) fn is_flat(&self) -> bool {
        self.is_flat
    }

    /// The parameters' names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.declared().map(|(name, _)| name.as_str())
    }

    /// The defaults that are texts, by their parameters' names.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.declared().filter_map(|(name, declared)| Some((name.as_str(), declared.get(DEFAULT)?.as_str()?)))
    }

    /// These with the defaults of some parameters changed.
    pub(super) fn with_defaults<'a>(
        mut self,
        defaults: impl Iterator<Item = (&'a str, String)>,
    ) -> Parameters {
        let declared = match self.is_flat {
            true => Some(&mut self.whole),
            false => self.whole.get_mut(PROPERTIES).and_then(Value::as_object_mut),
        };
        if let Some(declared) = declared {
            for (name, default) in defaults {
                if let Some(place) = declared.get_mut(name).and_then(|declared| declared.get_mut(DEFAULT)) {
                    *place = default.into();
                }
            }
        }
        self
    }

    /// These with other names.
    pub(super) fn renamed(self, names: &Names) -> Parameters {
        let is_flat = self.is_flat;
        let whole = match is_flat {
            true => rename_map(self.whole, names),
            false => {
                let members = self.whole.into_iter().map(|(key, value)| match (key.as_str(), value) {
                    (PROPERTIES, Value::Object(map)) => (key, Value::Object(rename_map(map, names))),
                    (REQUIRED, Value::Array(list)) => {
                        (key, list.into_iter().map(|name| renamed(name, names)).collect())
                    }
                    ("description", Value::String(text)) => (key, names.replaced(&text).into()),
                    (_, value) => (key, reworded(value, names)),
                });
                members.collect()
            }
        };
        Parameters { whole, is_flat }
    }

    /// The parameters as JSON text, as Python writes it. `None` if they are beyond the grammar's limits.
    pub(super) fn into_text(self) -> Option<Box<RawValue>> {
        let text = Value::Object(self.whole).to_string();
        let canonical = toolbeam_grammar::Value::parse(&text).ok()?;
        RawValue::from_string(canonical.as_str().to_owned()).ok()
    }

    fn declared(&self) -> impl Iterator<Item = (&String, &Value)> {
        let declared = match self.is_flat {
            true => Some(&self.whole),
            false => self.whole.get(PROPERTIES).and_then(Value::as_object),
        };
        declared.into_iter().flatten()
    }
}

/// A JSON object with other keys, its values as they are written. `None` if it is none, or a key has no
/// other name.
pub(super) fn rename_members(
    object: &RawValue,
    rename: impl Fn(&str) -> Option<String>,
) -> Option<Box<RawValue>> {
    let Members(members) = serde_json::from_str(object.get()).ok()?;
    let members = members.into_iter().map(|(key, value)| {
        let key = serde_json::to_string(&rename(&key)?).ok()?;
        Some(format!("{key}: {value}"))
    });
    let members: Vec<String> = members.collect::<Option<_>>()?;
    RawValue::from_string(format!("{{{}}}", members.join(", "))).ok()
}

fn rename_map(map: Map<String, Value>, names: &Names) -> Map<String, Value> {
    let members = map.into_iter().map(|(name, declared)| {
        let name = names.parameter(&name).map_or(name.clone(), str::to_owned);
        (name, reworded(declared, names))
    });
    members.collect()
}

fn renamed(name: Value, names: &Names) -> Value {
    let new = name.as_str().and_then(|name| names.parameter(name)).map(Value::from);
    new.unwrap_or(name)
}

/// A schema with old names in its descriptions replaced.
fn reworded(value: Value, names: &Names) -> Value {
    match value {
        Value::Object(map) => {
            let members = map.into_iter().map(|(key, value)| match (key.as_str(), value) {
                ("description", Value::String(text)) => (key, names.replaced(&text).into()),
                (_, value) => (key, reworded(value, names)),
            });
            members.collect()
        }
        Value::Array(list) => list.into_iter().map(|value| reworded(value, names)).collect(),
        value => value,
    }
}

/// An object's members in order, repeated ones too.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
