//! Values as Python's `str` and `repr` write them.

use std::fmt::{self, Display, Write};

use minijinja::value::{Value, ValueKind};

/// A value as Python's `str` writes it: strings as they are, an undefined value of jinja2 as nothing,
/// everything else as `repr`.
pub(crate) struct PythonStr<'a>(pub(crate) &'a Value);

/// A value as Python's `repr` writes it.
struct PythonRepr<'a>(&'a Value);

impl Display for PythonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            ValueKind::Undefined => Ok(()),
            ValueKind::String => write!(f, "{}", self.0),
            _ => PythonRepr(self.0).fmt(f),
        }
    }
}

impl Display for PythonRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        match value.kind() {
            ValueKind::Undefined => f.write_str("Undefined"),
            ValueKind::None => f.write_str("None"),
            ValueKind::Bool => f.write_str(if value.is_true() { "True" } else { "False" }),
            ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
                Ok(number) => f.write_str(&python_float(number)),
                Err(_) => Err(fmt::Error),
            },
            ValueKind::String => value.as_str().map_or(Err(fmt::Error), |text| write_text(f, text)),
            ValueKind::Seq | ValueKind::Iterable => write_items(f, value),
            ValueKind::Map => write_entries(f, value),
            _ => write!(f, "{value}"),
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    let tuple = value.is_tuple();
    f.write_char(if tuple { '(' } else { '[' })?;
    let mut length = 0;
    for item in value.try_iter().map_err(|_| fmt::Error)? {
        if length > 0 {
            f.write_str(", ")?;
        }
        PythonRepr(&item).fmt(f)?;
        length += 1;
    }
    f.write_str(match (tuple, length) {
        (false, _) => "]",
        (true, 1) => ",)",
        (true, _) => ")",
    })
}

fn write_entries(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    let object = value.as_object().ok_or(fmt::Error)?;
    f.write_char('{')?;
    for (place, (key, value)) in object.try_iter_pairs().into_iter().flatten().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{}: {}", PythonRepr(&key), PythonRepr(&value))?;
    }
    f.write_char('}')
}

/// A string in single quotes, or in double quotes if it holds single ones only; what Python does not
/// call printable is escaped.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c == quote => write!(f, "\\{c}")?,
            c if printable(c) => f.write_char(c)?,
            c if c <= '\u{ff}' => write!(f, "\\x{:02x}", u32::from(c))?,
            c if c <= '\u{ffff}' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "\\U{:08x}", u32::from(c))?,
        }
    }
    f.write_char(quote)
}

/// Python's `str.isprintable`: neither a control, format, private, surrogate or unassigned character nor
/// a separator other than the space. Rust's `escape_debug` follows the same rule beyond ASCII, except
/// for a combining mark that comes first.
fn printable(c: char) -> bool {
    c.is_ascii_graphic() || c == ' ' || String::from_iter(['a', c]).escape_debug().nth(1) == Some(c)
}

/// A float as Python's `repr` writes it: the fewest digits that read back as the same number, of these the
/// nearest to it, and of two as near the even ones; with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let mut scientific = format!("{value:e}");
    // Rust's fewest digits need not be the nearest; its rounding to a number of digits is.
    let precision = scientific.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{value:.*e}", precision.saturating_sub(1));
    if nearest.parse() == Ok(value) {
        scientific = nearest;
    }
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..16).contains(&exponent) => {
            let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
            format!("{value:.*}", decimals.max(1))
        }
        Ok(exponent) => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
        Err(_) => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let check = |value: f64, expected: &str| assert_eq!(python_float(value), expected);
        check(100.0, "100.0");
        check(0.1, "0.1");
        check(1e16, "1e+16");
        check(1.5e300, "1.5e+300");
        check(123456789012345.6, "123456789012345.6");
        check(5135047186176609.0 / 4.0, "1283761796544152.2");
        check(9999999999999998.0, "9999999999999998.0");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(-2.5e-7, "-2.5e-07");
        check(-0.0, "-0.0");
        check(f64::INFINITY, "inf");
        check(f64::NAN, "nan");
    }

    #[test]
    fn containers_are_written_as_python_writes_them() {
        let check = |json: &str, expected: &str| {
            let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(PythonStr(&Value::from(minijinja::value::Serde(&value))).to_string(), expected);
        };
        check(r#""it's\n""#, "it's\n");
        check(r#"["it's", "\"", "'\"", "\\"]"#, r#"["it's", '"', '\'"', '\\']"#);
        check(
            r#"["\u0001\u007f\u00a0\u00ad\u200b\ue000", "é\u0301語"]"#,
            "['\\x01\\x7f\\xa0\\xad\\u200b\\ue000', 'é\u{301}語']",
        );
        check("[\"\u{301}\", \"\u{f0000}\", \"\u{1f3e8}\"]", "['\u{301}', '\\U000f0000', '\u{1f3e8}']");
        check(r#"{"a": [null, true, 1, 1.0, {}], "b": []}"#, "{'a': [None, True, 1, 1.0, {}], 'b': []}");
    }
}
