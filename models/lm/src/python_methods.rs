//! Methods of Python's strings and dicts that templates call.

use minijinja::value::{Kwargs, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// Calls a method that minijinja does not know. Those that `pycompat` does not have, or has with Rust's
/// idea of white space and of lines, are here.
pub(crate) fn call_method(
    state: &mut State,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str()
        && let Some(result) = string_method(text, method, arguments)
    {
        return result;
    }
    pycompat::unknown_method_callback(state, value, method, arguments)
}

/// White space as `str.strip` and `str.split` see it.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `str.strip(characters)` at either end.
pub(crate) fn strip<'a>(text: &'a str, characters: Option<&str>, left: bool, right: bool) -> &'a str {
    let strips = |c: char| characters.map_or(is_space(c), |characters| characters.contains(c));
    let text = if left { text.trim_start_matches(strips) } else { text };
    if right { text.trim_end_matches(strips) } else { text }
}

fn string_method(text: &str, method: &str, arguments: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "strip" => stripped(text, arguments, true, true),
        "lstrip" => stripped(text, arguments, true, false),
        "rstrip" => stripped(text, arguments, false, true),
        "split" => split(text, arguments, false),
        "rsplit" => split(text, arguments, true),
        "splitlines" => split_lines(text, arguments),
        "partition" => partition(text, arguments, false),
        "rpartition" => partition(text, arguments, true),
        "removeprefix" => {
            from_args(arguments).map(|(prefix,): (&str,)| text.strip_prefix(prefix).unwrap_or(text).into())
        }
        "removesuffix" => {
            from_args(arguments).map(|(suffix,): (&str,)| text.strip_suffix(suffix).unwrap_or(text).into())
        }
        "title" => from_args(arguments).map(|()| title(text).into()),
        "isspace" => from_args(arguments).map(|()| (!text.is_empty() && text.chars().all(is_space)).into()),
        _ => return None,
    })
}

fn stripped(text: &str, arguments: &[Value], left: bool, right: bool) -> Result<Value, Error> {
    let (characters,): (Option<&str>,) = from_args(arguments)?;
    Ok(strip(text, characters, left, right).into())
}

/// `str.split(sep=None, maxsplit=-1)`, or `str.rsplit`.
fn split(text: &str, arguments: &[Value], from_right: bool) -> Result<Value, Error> {
    let (separator, most, named): (Option<&str>, Option<i64>, Kwargs) = from_args(arguments)?;
    let separator = separator.or(named.get("sep")?);
    let most = most.or(named.get("maxsplit")?).unwrap_or(-1);
    named.assert_all_used()?;
    let pieces = most.try_into().map_or(usize::MAX, |most: usize| most.saturating_add(1));
    let mut parts: Vec<&str> = match (separator, from_right) {
        (Some(""), _) => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        (Some(separator), false) => text.splitn(pieces, separator).collect(),
        (Some(separator), true) => text.rsplitn(pieces, separator).collect(),
        (None, _) => words(text, pieces, from_right),
    };
    if from_right {
        parts.reverse();
    }
    Ok(parts.into_iter().map(Value::from).collect())
}

/// At most `pieces` words between white space, from one end; the last keeps the white space after its first.
fn words(text: &str, pieces: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = strip(text, None, !from_right, from_right);
    while !rest.is_empty() {
        let end = if from_right { rest.rfind(is_space) } else { rest.find(is_space) };
        let (word, after) = match end {
            _ if parts.len() + 1 == pieces => (rest, ""),
            None => (rest, ""),
            Some(at) if from_right => (rest[at..].trim_start_matches(is_space), &rest[..at]),
            Some(at) => rest.split_at(at),
        };
        parts.push(word);
        rest = strip(after, None, !from_right, from_right);
    }
    parts
}

/// `str.splitlines(keepends=False)`.
fn split_lines(text: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (keep_ends, named): (Option<bool>, Kwargs) = from_args(arguments)?;
    let keep_ends = keep_ends.or(named.get("keepends")?).unwrap_or(false);
    named.assert_all_used()?;
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        let after = rest[at..].strip_prefix("\r\n").unwrap_or_else(|| {
            let mut characters = rest[at..].chars();
            characters.next();
            characters.as_str()
        });
        lines.push(if keep_ends { &rest[..rest.len() - after.len()] } else { &rest[..at] });
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    Ok(lines.into_iter().map(Value::from).collect())
}

/// `str.partition(sep)`, or `str.rpartition`.
fn partition(text: &str, arguments: &[Value], from_right: bool) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(arguments)?;
    let parts = match if from_right { text.rsplit_once(separator) } else { text.split_once(separator) } {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// `str.title`: every letter that follows no letter in upper case, the others in lower case.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}
