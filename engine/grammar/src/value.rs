//! A JSON value as decided: its canonical text, and when two of them are the same decision.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::limits::Limits;
use crate::malformed::{InvalidReason, Malformed, unexpected};
use crate::reader::{Read, Reader};

/// A JSON value. Cheap to clone.
///
/// Its text is what Python's `json.dumps(value, ensure_ascii=False)` writes, keys in the order in
/// which they were generated: the form that policies and reward models were trained on. `1e2` is
/// `100.0`, an integer keeps all its digits, and of a repeated key the last value stands in the
/// place of the first.
///
/// Equality is that of decisions: the order of an object's keys does not count, an array's does,
/// and `5` is not `5.0`.
#[derive(Clone)]
pub struct Value {
    text: Arc<str>,
    /// The text to compare by, where it differs: keys sorted, and no negative zero.
    comparison: Option<Arc<str>>,
}

impl Value {
    /// Reads one JSON value, whitespace around it allowed, within the default [`Limits`].
    ///
    /// ```
    /// use toolbeam_grammar::Value;
    ///
    /// let value = Value::parse(r#" {"b":1e2, "a":"\u00e9"} "#)?;
    /// assert_eq!(value.as_str(), r#"{"b": 100.0, "a": "é"}"#);
    /// assert_eq!(value, Value::parse(r#"{"a": "é", "b": 100.0}"#)?);
    /// # Ok::<(), toolbeam_grammar::Malformed>(())
    /// ```
    ///
    /// # Errors
    /// If `raw` is not one JSON value, in `serde_json`'s judgement, or is beyond the limits.
    pub fn parse(raw: &str) -> Result<Value, Malformed> {
        let limits = Limits::default();
        let mut reader = Reader::default();
        let mut value = None;
        for (offset, byte) in raw.bytes().enumerate() {
            if value.is_none() {
                match reader.feed(byte, &limits).map_err(|reason| Malformed { offset, reason })? {
                    Read::More => continue,
                    Read::Ends(read) => {
                        value = Some(read);
                        continue;
                    }
                    Read::Ended(read) => value = Some(read),
                }
            }
            if !is_whitespace(byte) {
                return unexpected(byte, "nothing after the value")
                    .map_err(|reason| Malformed { offset, reason });
            }
        }
        let end = |reason| Malformed { offset: raw.len(), reason };
        if let Some(value) = value {
            return Ok(value);
        }
        // A number or literal has no delimiter at the end of the text; this is one.
        match reader.feed(b' ', &limits) {
            Ok(Read::Ended(value)) => Ok(value),
            Err(reason @ (InvalidReason::NumberOutOfRange | InvalidReason::TooLong(_))) => Err(end(reason)),
            _ => Err(end(InvalidReason::UnexpectedEnd)),
        }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value for use with `serde_json`, which keeps integers beyond 64 bits as floats.
    pub fn to_json(&self) -> serde_json::Value {
        // Cannot fail: every constructor writes JSON, numbers are checked to be finite as f64,
        // and `Limits::MAX_DEPTH` is below serde_json's recursion limit.
        serde_json::from_str(&self.text).expect("canonical text is JSON")
    }

    pub(crate) fn literal(word: &'static str) -> Value {
        Value { text: word.into(), comparison: None }
    }

    pub(crate) fn string(decoded: &str) -> Value {
        Value { text: quote(decoded).into(), comparison: None }
    }

    /// The value of a number's text, which must follow JSON's grammar.
    pub(crate) fn number(text: &str) -> Result<Value, InvalidReason> {
        let float: f64 = text.parse().unwrap_or(f64::INFINITY);
        if float.is_infinite() {
            return Err(InvalidReason::NumberOutOfRange);
        }
        let is_float = text.contains(['.', 'e', 'E']);
        let text = match text {
            "-0" => "0".into(),
            _ if is_float => python_float(float).into(),
            _ => text.into(),
        };
        let comparison = (is_float && float == 0.0).then(|| "0.0".into());
        Ok(Value { text, comparison })
    }

    pub(crate) fn array(elements: &[Value]) -> Value {
        let write =
            |texts: &mut dyn Iterator<Item = &str>| format!("[{}]", texts.collect::<Vec<_>>().join(", "));
        Value::of_parts(
            write(&mut elements.iter().map(Value::as_str)),
            write(&mut elements.iter().map(Value::comparison)),
        )
    }

    /// An object of these members; of a repeated key the last value stands.
    pub(crate) fn object(members: Vec<(String, Value)>) -> Value {
        let mut members = last_wins(members);
        let text = write_members(&members, Value::as_str);
        members.sort_by(|a, b| a.0.cmp(&b.0));
        Value::of_parts(text, write_members(&members, Value::comparison))
    }

    fn of_parts(text: String, comparison: String) -> Value {
        let comparison = (comparison != text).then(|| comparison.into());
        Value { text: text.into(), comparison }
    }

    fn comparison(&self) -> &str {
        self.comparison.as_deref().unwrap_or(&self.text)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.comparison() == other.comparison()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.comparison().hash(state);
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Leaves each key once: the last value in the place of the first, as Python's `dict` does.
pub(crate) fn last_wins(members: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(members.len());
    let mut kept: Vec<(String, Value)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        match places.get(&key) {
            Some(&place) => kept[place].1 = value,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}

fn write_members(members: &[(String, Value)], text: fn(&Value) -> &str) -> String {
    let mut object = String::from("{");
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            object.push_str(", ");
        }
        object.push_str(&quote(key));
        object.push_str(": ");
        object.push_str(text(value));
    }
    object.push('}');
    object
}

/// A JSON string as Python writes it with `ensure_ascii=False`.
pub(crate) fn quote(decoded: &str) -> String {
    let mut quoted = String::with_capacity(decoded.len() + 2);
    quoted.push('"');
    for character in decoded.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            // Writing to a String cannot fail.
            '\0'..='\u{1f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Python's `repr` of a finite float. Rust's `Debug` chooses the same digits and changes to an
/// exponent at the same sizes (1e16 and 1e-4), but writes that exponent as `e16`, not `e+16`.
fn python_float(float: f64) -> String {
    let shortest = format!("{float:?}");
    match shortest.split_once('e') {
        None => shortest,
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
    }
}

/// JSON's whitespace.
pub(crate) const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
