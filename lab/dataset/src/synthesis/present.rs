//! How a record's tools are written: dialect, names of types, and how much descriptions say.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::kinds::words_of;
use super::signature::Signature;
use crate::draws::Draws;
use crate::set::Tool;

/// The look of a record's tools.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Names of types: as they are, or all long, or all short.
    types: Types,
    /// As one object schema (BFCL's `dict`, or JSON Schema's `object`) and not as a map.
    tree: bool,
    /// Descriptions that say no more than names do.
    bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Types {
    AsWritten,
    Long,
    Short,
}

impl Look {
    pub(super) fn draw(draws: &mut Draws) -> Look {
        let types = [Types::AsWritten, Types::Long, Types::Short][draws.weighted(&[0.4, 0.25, 0.35])];
        Look { types, tree: draws.chance(0.2), bare: draws.chance(0.1) }
    }

    /// The tool as it is shown.
    pub(super) fn of(self, signature: &Signature) -> Tool {
        let mut parameters = signature.written.clone();
        if self.bare {
            self.strip_descriptions(&mut parameters, signature.is_flat());
        }
        if self.tree && signature.is_flat() {
            parameters = self.as_tree(&parameters, signature);
        }
        self.rename_types(&mut parameters);
        let text = parameters.to_string();
        // The text as Python writes it, as sets have it.
        let text = toolbeam_grammar::Value::parse(&text).map_or(text, |value| value.as_str().to_owned());
        let name = signature.tool.name.clone();
        let description =
            if self.bare { words_of(&name).join(" ") } else { signature.tool.description.clone() };
        Tool { name, description, parameters: RawValue::from_string(text).unwrap_or_default() }
    }

    fn strip_descriptions(self, parameters: &mut Value, flat: bool) {
        let members = if flat { Some(parameters) } else { parameters.get_mut("properties") };
        for (name, member) in members.and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(description) = member.get_mut("description") {
                *description = words_of(name).join(" ").into();
            }
        }
    }

    /// A flat map as one object schema.
    fn as_tree(self, parameters: &Value, signature: &Signature) -> Value {
        let mut properties = Map::new();
        for (name, member) in parameters.as_object().into_iter().flatten() {
            let mut member = member.clone();
            if let Some(map) = member.as_object_mut() {
                map.retain(|key, value| {
                    !(matches!(key.as_str(), "required" | "optional") && value.is_boolean())
                });
                if let Some(Value::String(name)) = map.get_mut("type") {
                    name.truncate(name.find(", optional").unwrap_or(name.len()));
                }
            }
            properties.insert(name.clone(), member);
        }
        let required = signature.parameters.iter().filter(|parameter| parameter.mention >= 1.0);
        let required: Vec<&str> = required.map(|parameter| parameter.name.as_str()).collect();
        let root = if self.types == Types::Short { "dict" } else { "object" };
        json!({ "type": root, "properties": properties, "required": required })
    }

    fn rename_types(self, schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match value {
                        Value::String(name) if key == "type" => *name = self.renamed(name),
                        _ if matches!(key.as_str(), "enum" | "default") => {}
                        other => self.rename_types(other),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.rename_types(value)),
            _ => {}
        }
    }

    fn renamed(self, name: &str) -> String {
        const NAMES: [(&str, &str); 6] = [
            ("string", "str"),
            ("integer", "int"),
            ("boolean", "bool"),
            ("array", "list"),
            ("number", "float"),
            ("object", "dict"),
        ];
        let (first, rest) = name.split_once(',').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let found = NAMES.iter().find(|(long, short)| first == *long || first == *short);
        let renamed = match (found, self.types) {
            (Some((long, _)), Types::Long) => long,
            (Some((_, short)), Types::Short) => short,
            _ => first,
        };
        rest.map_or(renamed.to_owned(), |rest| format!("{renamed},{rest}"))
    }
}
