//! What serde_json makes of an answer: an independent judge of the parser.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toolbeam_grammar::Step;

/// A step as serde_json sees it.
#[derive(Debug)]
pub(crate) enum Seen {
    Name(String),
    Argument(String, serde_json::Value),
    ParamFinish,
    FuncFinish,
    TotalFinish,
}

/// The members of an object with its repeated keys.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The steps of an answer that serde_json accepts and that has the right shape.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<Seen>> {
    let body = without_fences(bytes);
    // Raw values are not checked for what is in their strings and numbers; this is.
    serde_json::from_slice::<serde_json::Value>(body).ok()?;
    let calls: Vec<Pairs> = serde_json::from_slice(body).ok()?;
    let mut seen = Vec::new();
    for call in calls {
        seen.extend(steps_of(call)?);
    }
    seen.push(Seen::TotalFinish);
    Some(seen)
}

/// The steps and the content of an answer in blocks, found by searching for the tags.
pub(crate) fn read_blocks(bytes: &[u8]) -> Option<(Vec<Seen>, String)> {
    let mut rest = bytes;
    if let Some(thought) = trim_start(bytes).strip_prefix(b"<think>") {
        rest = split(thought, b"</think>")?.1;
    }
    let (mut seen, mut pieces) = (Vec::new(), Vec::new());
    while let Some((piece, block)) = split(rest, b"<tool_call>") {
        pieces.push(piece);
        let mut values = serde_json::Deserializer::from_slice(block).into_iter::<Box<RawValue>>();
        let call = values.next()?.ok()?;
        serde_json::from_str::<serde_json::Value>(call.get()).ok()?;
        seen.extend(steps_of(serde_json::from_str(call.get()).ok()?)?);
        rest = trim_start(&block[values.byte_offset()..]).strip_prefix(b"</tool_call>")?;
    }
    pieces.push(rest);
    seen.push(Seen::TotalFinish);
    let pieces = pieces.iter().map(|piece| String::from_utf8_lossy(piece).trim().to_owned());
    Some((seen, pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("\n\n")))
}

/// What stands before the first `tag` and after it.
fn split<'a>(bytes: &'a [u8], tag: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(tag.len()).position(|window| window == tag)?;
    Some((&bytes[..at], &bytes[at + tag.len()..]))
}

/// The steps of a call that has the right shape.
fn steps_of(Pairs(members): Pairs) -> Option<Vec<Seen>> {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    if keys != ["arguments", "name"] {
        return None;
    }
    let mut seen = Vec::new();
    for (key, raw) in &members {
        if key == "name" {
            seen.push(Seen::Name(serde_json::from_str(raw.get()).ok()?));
            continue;
        }
        let Pairs(arguments) = serde_json::from_str(raw.get()).ok()?;
        for (key, raw) in arguments {
            seen.push(Seen::Argument(key, serde_json::from_str(raw.get()).ok()?));
        }
        seen.push(Seen::ParamFinish);
    }
    seen.push(Seen::FuncFinish);
    Some(seen)
}

fn without_fences(bytes: &[u8]) -> &[u8] {
    let mut body = trim_start(bytes);
    if let Some(rest) = body.strip_prefix(b"```") {
        body = rest.strip_prefix(b"json").unwrap_or(rest);
    }
    let end = body.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    for fence in [&b"```"[..], b"``", b"`"] {
        // Nothing may follow a fence that is not complete.
        let body = if fence.len() == 3 { &body[..end] } else { body };
        if let Some(rest) = body.strip_suffix(fence) {
            return rest;
        }
    }
    body
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether a step is what serde_json saw.
pub(crate) fn agrees(step: &Step, seen: &Seen) -> bool {
    match (step, seen) {
        (Step::FuncName(name), Seen::Name(expected)) => **name == **expected,
        (Step::ArgValue { key, value }, Seen::Argument(expected_key, expected)) => {
            **key == **expected_key && same_value(&value.to_json(), expected)
        }
        (Step::ParamFinish, Seen::ParamFinish)
        | (Step::FuncFinish, Seen::FuncFinish)
        | (Step::TotalFinish, Seen::TotalFinish) => true,
        _ => false,
    }
}

/// Equality, but for the integer `-0`, which serde_json reads as a float.
pub(crate) fn same_value(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (left, right) {
        (Number(left), Number(right)) => {
            left == right || left.as_f64() == Some(0.0) && right.as_f64() == Some(0.0)
        }
        (Array(left), Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same_value(l, r))
        }
        (Object(left), Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|((lk, l), (rk, r))| lk == rk && same_value(l, r))
        }
        _ => left == right,
    }
}
