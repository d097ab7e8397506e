//! Documents for the properties: answers in any spelling, and what is nearly an answer.

use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn space() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => "[ \t\n\r]{1,2}"]
}

/// One character of a string, raw or escaped.
fn character() -> impl Strategy<Value = String> {
    let units = |character: char| {
        let mut buffer = [0; 2];
        let units = character.encode_utf16(&mut buffer);
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    prop_oneof![
        4 => "[a-c0-9 {}\\[\\],:`.é√😀\u{7f}]",
        2 => any::<char>().prop_filter("must be escaped", |&character| {
            character >= ' ' && character != '"' && character != '\\'
        }).prop_map(String::from),
        1 => any::<char>().prop_map(units),
        1 => any::<char>().prop_map(move |character| units(character).to_uppercase().replace('U', "u")),
        1 => r#"\\["\\/bfnrt]"#,
    ]
}

fn string() -> impl Strategy<Value = String> {
    vec(character(), 0..5).prop_map(|characters| format!("\"{}\"", characters.concat()))
}

fn key() -> impl Strategy<Value = String> {
    // Few keys, so that some are repeated.
    prop_oneof![3 => r#""(a|b|\\u0061|)""#, 1 => string()]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
        "-?(0|[1-9][0-9]{0,25})",
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
        any::<f64>()
            .prop_filter("JSON has none", |float| float.is_finite())
            .prop_map(|float| format!("{float:?}")),
        string(),
    ]
}

/// A JSON value.
pub(crate) fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 16, 4, |inner| prop_oneof![list("[", "]", inner.clone()), object(inner)])
}

fn list<S: Strategy<Value = String>>(
    open: &'static str,
    close: &'static str,
    item: S,
) -> impl Strategy<Value = String> {
    (vec((space(), item, space()), 0..4), space()).prop_map(move |(items, inside)| {
        let items: Vec<String> = items.into_iter().map(|(a, item, b)| a + &item + &b).collect();
        format!("{open}{}{close}", if items.is_empty() { inside } else { items.join(",") })
    })
}

fn object<S: Strategy<Value = String>>(inner: S) -> impl Strategy<Value = String> {
    let member = (key(), space(), space(), inner)
        .prop_map(|(key, before, after, value)| format!("{key}{before}:{after}{value}"));
    list("{", "}", member)
}

/// A call.
pub(crate) fn call() -> impl Strategy<Value = String> {
    let name = (space(), string()).prop_map(|(space, name)| format!("\"name\"{space}:{space}{name}"));
    let key = prop_oneof![Just("\"arguments\""), Just("\"argument\\u0073\"")];
    let arguments =
        (key, space(), object(value())).prop_map(|(key, space, object)| format!("{key}{space}:{object}"));
    (name, arguments, any::<bool>(), space()).prop_map(|(name, arguments, name_first, space)| {
        let (first, second) = if name_first { (name, arguments) } else { (arguments, name) };
        format!("{{{space}{first}{space},{second}{space}}}")
    })
}

/// An answer that ends with its final bracket.
pub(crate) fn bare_answer() -> impl Strategy<Value = String> {
    let fence = prop_oneof![4 => Just(""), 1 => Just("```"), 1 => Just("\n```json")];
    (space(), fence, space(), list("[", "]", call()))
        .prop_map(|(before, fence, after, list)| format!("{before}{fence}{after}{list}"))
}

/// An answer in any spelling.
pub(crate) fn answer() -> impl Strategy<Value = String> {
    let fence = prop_oneof![4 => Just(""), 1 => Just("```"), 1 => Just(" ```\n")];
    (bare_answer(), space(), fence).prop_map(|(answer, space, fence)| answer + &space + fence)
}

/// Bytes that may be anything: valid and nearly valid answers, other JSON, and noise.
pub(crate) fn document() -> impl Strategy<Value = Vec<u8>> {
    let edited = edited(answer());
    let pieces = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        " ",
        "```",
        "json",
        "\"name\":",
        "\"arguments\":",
        "\"f\"",
        "\"a\"",
        "1",
        "-",
        "e",
        ".",
        "true",
        "\\ud800",
        "\"",
        "0",
    ]);
    prop_oneof![
        4 => edited,
        2 => answer().prop_map(String::into_bytes),
        1 => value().prop_map(String::into_bytes),
        1 => value().prop_map(|value| {
            format!(r#"[{{"name":"f","arguments":{value}}}]"#).into_bytes()
        }),
        1 => vec(pieces, 0..12).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(any::<u8>(), 0..16),
        1 => vec(any::<u8>(), 0..6).prop_map(|noise| {
            [br#"[{"name":""#, noise.as_slice(), br#"","arguments":{}}]"#].concat()
        }),
    ]
}

/// A text with a few bytes added, changed or removed.
pub(crate) fn edited(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..3_u8, interesting_byte());
    (text, vec(edit, 1..4)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

fn interesting_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(b"[]{},:\" \\`<>/\n0129.-+eEu\x00\x1f\x7f\x80\xc3\xf0\xed".to_vec()),
        1 => any::<u8>(),
    ]
}
