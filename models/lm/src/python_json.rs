//! Values as Python's `json.dumps` writes them.

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::python_text::{PythonStr, python_float};

/// The arguments of `json.dumps` that a template can give.
struct JsonForm {
    ensure_ascii: bool,
    /// What one level is indented by.
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sort_keys: bool,
}

/// `tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`, which is how
/// transformers defines it.
///
/// # Errors
/// An argument that `json.dumps` would refuse, or a value that is no JSON.
pub(crate) fn to_json(value: &Value, given: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let form = JsonForm::new(&given, &named)?;
    let mut out = String::new();
    form.write(&mut out, value, 0)?;
    Ok(out)
}

impl JsonForm {
    fn new(given: &[Value], named: &Kwargs) -> Result<JsonForm, Error> {
        let mut options = [const { Value::UNDEFINED }; 4];
        for (place, name) in ["ensure_ascii", "indent", "separators", "sort_keys"].into_iter().enumerate() {
            options[place] = match given.get(place) {
                Some(value) => value.clone(),
                None => named.get::<Option<Value>>(name)?.unwrap_or_default(),
            };
        }
        named.assert_all_used()?;
        if given.len() > options.len() {
            return Err(Error::from(ErrorKind::TooManyArguments));
        }
        let [ensure_ascii, indent, separators, sort_keys] = options;
        let indent = match indent.kind() {
            ValueKind::Undefined | ValueKind::None => None,
            ValueKind::String => Some(indent.to_string()),
            ValueKind::Bool => Some(" ".repeat(usize::from(indent.is_true()))),
            _ => Some(" ".repeat(usize::try_from(i64::try_from(indent)?).unwrap_or(0))),
        };
        let (item_separator, key_separator) = match separators.kind() {
            ValueKind::Undefined | ValueKind::None => {
                (if indent.is_some() { "," } else { ", " }.into(), ": ".into())
            }
            _ => separator_pair(&separators)?,
        };
        let (ensure_ascii, sort_keys) = (ensure_ascii.is_true(), sort_keys.is_true());
        Ok(JsonForm { ensure_ascii, indent, item_separator, key_separator, sort_keys })
    }

    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value)?),
            ValueKind::String => self.write_text(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.write_all(out, ['[', ']'], &items, depth, |out, item| self.write(out, item, depth + 1))?;
            }
            ValueKind::Map => {
                let mut entries = entries(value)?;
                if self.sort_keys {
                    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                self.write_all(out, ['{', '}'], &entries, depth, |out, (key, value)| {
                    self.write_text(out, key);
                    out.push_str(&self.key_separator);
                    self.write(out, value, depth + 1)
                })?;
            }
            kind => {
                let message =
                    format!("tojson: a value of type {kind} is not JSON; give the template a value for it");
                return Err(Error::new(ErrorKind::BadSerialization, message));
            }
        }
        Ok(())
    }

    /// Writes the items of a container between its brackets.
    fn write_all<T>(
        &self,
        out: &mut String,
        [open, close]: [char; 2],
        items: &[T],
        depth: usize,
        write: impl Fn(&mut String, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                out.push_str(&self.item_separator);
            }
            self.new_line(out, depth + 1);
            write(out, item)?;
        }
        if !items.is_empty() {
            self.new_line(out, depth);
        }
        out.push(close);
        Ok(())
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    }

    fn write_text(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ensure_ascii && c > '~') => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn separator_pair(separators: &Value) -> Result<(String, String), Error> {
    let pair: Vec<Value> = separators.try_iter()?.collect();
    match pair.as_slice() {
        [item, key] if item.as_str().is_some() && key.as_str().is_some() => {
            Ok((item.to_string(), key.to_string()))
        }
        _ => Err(Error::new(ErrorKind::InvalidOperation, "tojson: separators must be two strings")),
    }
}

fn number(value: &Value) -> Result<String, Error> {
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let number = f64::try_from(value.clone())?;
    Ok(match number {
        _ if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => python_float(number),
    })
}

/// The entries of a dict; keys that are no strings become strings, as `json.dumps` does it.
fn entries(value: &Value) -> Result<Vec<(String, Value)>, Error> {
    let pairs = value.as_object().and_then(|object| object.try_iter_pairs());
    let key = |key: &Value| match key.kind() {
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => number(key),
        ValueKind::String => Ok(PythonStr(key).to_string()),
        kind => {
            Err(Error::new(ErrorKind::BadSerialization, format!("tojson: a key of type {kind} is not JSON")))
        }
    };
    pairs.into_iter().flatten().map(|(name, value)| Ok((key(&name)?, value))).collect()
}
