//! What Python's `str` makes of a value.

use std::fmt::Write;

use super::PyValue;

impl PyValue {
    /// `str(value)`: a string is itself; within lists and dicts it stands as `repr` writes it, but for rare
    /// characters that Python holds to be unprintable and that are not control characters.
    pub(crate) fn text(&self) -> String {
        match self {
            PyValue::Str(text) => text.clone(),
            value => {
                let mut out = String::new();
                value.represent(&mut out);
                out
            }
        }
    }

    fn represent(&self, out: &mut String) {
        match self {
            PyValue::None => out.push_str("None"),
            PyValue::Bool(true) => out.push_str("True"),
            PyValue::Bool(false) => out.push_str("False"),
            PyValue::Int(value) => out.push_str(&value.to_string()),
            PyValue::Float(value) => out.push_str(&float(*value)),
            PyValue::Str(text) => quote(text, out),
            PyValue::List(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    element.represent(out);
                }
                out.push(']');
            }
            PyValue::Dict(dict) => {
                out.push('{');
                for (index, (key, value)) in dict.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    quote(key, out);
                    out.push_str(": ");
                    value.represent(out);
                }
                out.push('}');
            }
        }
    }
}

/// Single quotes, unless there are such and no double ones.
fn quote(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => {
                // A String takes everything.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// The shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let digits = format!("{value:e}");
        let (digits, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let check = |json: &str, expected: &str| {
            assert_eq!(PyValue::parse(json).expect("JSON").text(), expected, "{json}");
        };
        check(r#""it's""#, "it's");
        check(r#"["it's", "\"", "a'\"b", "x\n\u0001\u007f"]"#, r#"["it's", '"', 'a\'"b', 'x\n\x01\x7f']"#);
        check("[true, null, {\"a\": [1, 2.0]}]", "[True, None, {'a': [1, 2.0]}]");
        check(
            "[1e16, 1e15, 1e-4, 1e-5, 1.5e300, -0.0, 123456789.125]",
            "[1e+16, 1000000000000000.0, 0.0001, 1e-05, 1.5e+300, -0.0, 123456789.125]",
        );
        check("[NaN, Infinity, -Infinity]", "[nan, inf, -inf]");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("[\"é 日本\"]", "['é 日本']");
    }
}
