//! Values that are wrong, but not by much.

use serde_json::{Number, Value, json};

use crate::draws::Draws;

/// A value as somebody might take it for an argument, mostly from the query.
pub(super) fn any_value(schema: &Value, words: &[String], draws: &mut Draws) -> Value {
    if let Some(choices) = choices(schema) {
        return draws.pick(choices).cloned().unwrap_or_default();
    }
    match type_of(schema) {
        "integer" => {
            let numbers: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
            let from_query = draws.pick(&numbers).copied().filter(|_| draws.chance(0.7));
            from_query.unwrap_or_else(|| draws.between(1, 100)).into()
        }
        "number" => json!(draws.between(0, 1000) as f64 / 10.0),
        "boolean" => draws.chance(0.5).into(),
        "array" => json!([span(words, draws)]),
        "object" => json!({}),
        _ => span(words, draws).into(),
    }
}

/// A near miss of a right value: another choice, another number, a span of words that is too long, too short
/// or elsewhere.
pub(super) fn near_miss(value: &Value, schema: Option<&Value>, words: &[String], draws: &mut Draws) -> Value {
    if let Some(choices) = schema.and_then(choices).filter(|choices| choices.len() > 1 && draws.chance(0.8)) {
        return draws.pick(choices).cloned().unwrap_or_default();
    }
    match value {
        Value::Bool(on) => (!on).into(),
        Value::Number(number) => number_off(number, draws),
        Value::String(text) => text_off(text, words, draws).into(),
        Value::Array(list) => list_off(list, words, draws),
        Value::Object(members) => {
            let mut members = members.clone();
            let names: Vec<String> = members.keys().cloned().collect();
            match draws.pick(&names) {
                None => return span(words, draws).into(),
                Some(name) if draws.chance(0.3) => drop(members.shift_remove(name)),
                Some(name) => {
                    if let Some(member) = members.get_mut(name) {
                        *member = near_miss(member, None, words, draws);
                    }
                }
            }
            members.into()
        }
        Value::Null => span(words, draws).into(),
    }
}

fn number_off(number: &Number, draws: &mut Draws) -> Value {
    if let Some(whole) = number.as_i64() {
        let reversed: String = whole.unsigned_abs().to_string().chars().rev().collect();
        return match draws.below(6) {
            0 => whole.saturating_add(1).into(),
            1 => whole.saturating_sub(1).into(),
            2 => whole.saturating_mul(10).into(),
            3 => (whole / 10).into(),
            4 => reversed.parse().map_or(Value::Null, |number: i64| number.into()),
            _ => whole.to_string().into(),
        };
    }
    let float = number.as_f64().unwrap_or_default();
    let rounded = |float: f64| json!((float * 1e5).round() / 1e5);
    match draws.below(5) {
        0 => rounded(float * 10.0),
        1 => rounded(float / 10.0),
        2 => rounded(float * 100.0),
        3 => (float as i64).into(),
        _ => rounded(float + 1.0),
    }
}

fn text_off(text: &str, words: &[String], draws: &mut Draws) -> String {
    let own: Vec<&str> = text.split_whitespace().collect();
    let place = words.windows(own.len().max(1)).position(|window| window == own);
    match draws.unit() {
        share if share < 0.3 && own.len() > 1 => {
            if draws.chance(0.5) {
                own[1..].join(" ")
            } else {
                own[..own.len() - 1].join(" ")
            }
        }
        share if share < 0.6 => {
            let before = place.and_then(|place| words.get(place.checked_sub(1)?));
            let behind = place.and_then(|place| words.get(place + own.len()));
            match (before, behind) {
                (_, Some(behind)) if draws.chance(0.5) => format!("{text} {behind}"),
                (Some(before), _) => format!("{before} {text}"),
                _ => format!("{text}s"),
            }
        }
        share if share < 0.85 => span(words, draws),
        _ if text.chars().count() > 2 => text.chars().take(text.chars().count() - 1).collect(),
        _ => format!("{text}a"),
    }
}

fn list_off(list: &[Value], words: &[String], draws: &mut Draws) -> Value {
    let mut list = list.to_vec();
    let index = draws.below(list.len());
    match draws.below(3) {
        0 if list.len() > 1 => drop(list.remove(index)),
        1 if !list.is_empty() => list[index] = near_miss(&list[index], None, words, draws),
        _ => list.push(span(words, draws).into()),
    }
    list.into()
}

/// One word of the query or a few.
fn span(words: &[String], draws: &mut Draws) -> String {
    let start = draws.below(words.len());
    let end = (start + 1 + draws.weighted(&[0.5, 0.35, 0.15])).min(words.len());
    words.get(start..end).map(|span| span.join(" ")).filter(|text| !text.is_empty()).unwrap_or("x".to_owned())
}

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty())
}

fn type_of(schema: &Value) -> &str {
    let first = schema.get("anyOf").and_then(|list| list.get(0));
    let schema = first.unwrap_or(schema);
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names.iter().find_map(Value::as_str).unwrap_or("string"),
        _ => "string",
    }
}
