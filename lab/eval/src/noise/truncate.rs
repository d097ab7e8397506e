//! Descriptions that break off.

use serde_json::Value;

use crate::suite::Record;

const DESCRIPTION: &str = "description";
/// Keywords of a schema that hold values, in which nothing describes.
const VALUES: [&str; 5] = ["default", "enum", "const", "example", "examples"];

/// A record whose tools' descriptions, and those in their parameters, end after half of their words.
pub(super) fn truncate(mut record: Record) -> Record {
    for tool in &mut record.tools {
        tool.description = first_half(&tool.description).to_owned();
        let parameters =
            serde_json::from_str(&tool.parameters).ok().map(|value| shortened(value).to_string());
        let canonical = parameters.and_then(|text| toolbeam_grammar::Value::parse(&text).ok());
        if let Some(canonical) = canonical {
            tool.parameters = canonical.as_str().to_owned();
        }
    }
    record
}

/// The first half of a text's words, the middle one included.
fn first_half(text: &str) -> &str {
    let kept = text.split_whitespace().count().div_ceil(2);
    let mut words = 0;
    let pieces = text.split_inclusive(char::is_whitespace).take_while(|piece| {
        let is_kept = words < kept;
        words += usize::from(!piece.trim().is_empty());
        is_kept
    });
    let end = pieces.map(str::len).sum();
    text[..end].trim_end()
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let members = map.into_iter().map(|(key, value)| match value {
                Value::String(text) if key == DESCRIPTION => (key, first_half(&text).into()),
                // A parameter may have such a name; what it declares is an object with a type.
                value if VALUES.contains(&key.as_str()) && value.get("type").is_none() => (key, value),
                value => (key, shortened(value)),
            });
            members.collect()
        }
        Value::Array(list) => list.into_iter().map(shortened).collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_half_of_the_words_stays() {
        let check = |text: &str, expected: &str| assert_eq!(first_half(text), expected);
        check("", "");
        check("one", "one");
        check("one two", "one");
        check("  one,\n two\tthree", "  one,\n two");
        check("é b c ü", "é b");
        check("   ", "");
    }

    #[test]
    fn descriptions_are_shortened_at_every_depth_and_values_are_not() {
        let schema = r#"{"type": "object", "properties": {"description": {"type": "string", "description": "a b"},
            "default": {"type": "array", "items": {"type": "object", "description": "c d e"},
            "default": [{"description": "stays here"}]}}}"#;
        let found = shortened(serde_json::from_str(schema).expect("JSON"));
        let properties = &found["properties"];
        assert_eq!(properties["description"]["description"], "a");
        assert_eq!(properties["default"]["items"]["description"], "c d");
        assert_eq!(properties["default"]["default"][0]["description"], "stays here");
    }
}
