//! The lines of `parameters.txt`, `nested.txt` and `assistant.txt`.

use serde_json::{Map, Value, json};

/// A parameter: a line of `parameters.txt` or `nested.txt`.
pub(super) struct Line {
    pub(super) names: Vec<&'static str>,
    /// The verbs of functions that take it; `any` is every verb.
    pub(super) verbs: Vec<&'static str>,
    pub(super) schema: Value,
    pub(super) descriptions: Vec<&'static str>,
    /// The kind of a value, or of members by their names.
    pub(super) kinds: Vec<(&'static str, &'static str)>,
    pub(super) saying: Option<&'static str>,
    pub(super) phrases: Vec<&'static str>,
}

/// A function of an assistant: a line of `assistant.txt`.
pub(super) struct Intent {
    /// Names that it may have.
    pub(super) names: Vec<&'static str>,
    /// Its parameters and the kinds of their values.
    pub(super) parameters: Vec<(&'static str, &'static str)>,
    /// What is said for it before the values.
    pub(super) openings: Vec<&'static str>,
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(" | ").collect())
}

fn parts(text: &'static str, separator: &'static str) -> Vec<&'static str> {
    text.split(separator).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The parameters of one value, or of a list of them.
pub(super) fn plain_lines() -> Vec<Line> {
    let read = |row: Vec<&'static str>| {
        let [names, verbs, type_name, descriptions, kind, phrases] = row[..] else { return None };
        let schema = match (type_name, kind) {
            ("array", "numlist") => json!({"type": "array", "items": {"type": "integer"}}),
            ("array", _) => json!({"type": "array", "items": {"type": "string"}}),
            _ => json!({ "type": type_name }),
        };
        Some(Line {
            names: parts(names, ","),
            verbs: parts(verbs, " "),
            schema,
            descriptions: parts(descriptions, ";"),
            kinds: vec![("", kind)],
            saying: None,
            phrases: parts(phrases, ";"),
        })
    };
    rows(include_str!("data/parameters.txt")).filter_map(read).collect()
}

/// The parameters with members.
pub(super) fn nested_lines() -> Vec<Line> {
    let read = |row: Vec<&'static str>| {
        let [names, verbs, type_name, descriptions, members, saying, phrases] = row[..] else { return None };
        let (mut properties, mut kinds, mut required) = (Map::new(), Vec::new(), Vec::new());
        for member in parts(members, ",") {
            let [name, member_type, kind] = parts(member, ":")[..] else { return None };
            properties.insert(name.to_owned(), json!({ "type": member_type }));
            required.push(name);
            kinds.push((name, kind));
        }
        let object = json!({"type": "object", "properties": properties, "required": required});
        let schema = if type_name == "list" { json!({"type": "array", "items": object}) } else { object };
        Some(Line {
            names: parts(names, ","),
            verbs: parts(verbs, " "),
            schema,
            descriptions: parts(descriptions, ";"),
            kinds,
            saying: Some(saying),
            phrases: parts(phrases, ";"),
        })
    };
    rows(include_str!("data/nested.txt")).filter_map(read).collect()
}

/// The functions of an assistant.
pub(super) fn intents() -> Vec<Intent> {
    let read = |row: Vec<&'static str>| {
        let [names, parameters, openings] = row[..] else { return None };
        let parameters = parts(parameters, ",").into_iter().map(|parameter| parameter.split_once(':'));
        Some(Intent {
            names: parts(names, ","),
            parameters: parameters.collect::<Option<_>>()?,
            openings: parts(openings, ";"),
        })
    };
    rows(include_str!("data/assistant.txt")).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthesis::phrasebook::BOOK;

    #[test]
    fn every_line_is_read_and_every_kind_is_known() {
        const NUMBERS: [&str; 14] = [
            "int", "smallint", "num", "money", "rate", "pct", "year", "age", "rating", "lat", "dateiso",
            "numlist", "strlist", "bool",
        ];
        let texts = [include_str!("data/parameters.txt"), include_str!("data/nested.txt")];
        let lines: Vec<Line> = plain_lines().into_iter().chain(nested_lines()).collect();
        assert_eq!(lines.len(), texts.into_iter().flat_map(rows).count());
        let intents = intents();
        assert_eq!(intents.len(), rows(include_str!("data/assistant.txt")).count());
        let kinds = lines.iter().flat_map(|line| &line.kinds);
        let kinds = kinds.chain(intents.iter().flat_map(|intent| &intent.parameters));
        for (_, kind) in kinds {
            assert!(BOOK.has(kind) || NUMBERS.contains(kind), "{kind}");
        }
        for line in lines.iter().filter(|line| line.saying.is_some()) {
            for (member, _) in &line.kinds {
                let stands = line.saying.is_some_and(|saying| saying.contains(&format!("{{{member}}}")));
                assert!(stands, "{member} of {:?}", line.names);
            }
        }
    }
}
