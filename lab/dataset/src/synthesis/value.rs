//! Values of parameters, and how a query says them.

use serde_json::{Map, Value};

use super::number::number;
use super::phrasebook::BOOK;
use super::signature::{Parameter, Shape};
use super::style::Style;
use crate::draws::Draws;

/// A value and its text in the query.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) value: Value,
    pub(super) text: String,
}

/// A value for a parameter.
pub(super) fn fill(parameter: &Parameter, style: Style, draws: &mut Draws) -> Filled {
    match &parameter.shape {
        Shape::Choice(choices) => choice(choices, style, draws),
        Shape::Text => text(parameter, style, draws),
        Shape::Number(range) => number(parameter.kind, *range, style, draws),
        Shape::Flag => {
            let on = draws.chance(0.75);
            Filled { value: on.into(), text: if on { "on" } else { "off" }.to_owned() }
        }
        Shape::List(element) => list(element, style, draws),
        Shape::Tuple(elements) => {
            let filled: Vec<Filled> = elements.iter().map(|element| fill(element, style, draws)).collect();
            let texts: Vec<&str> = filled.iter().map(|filled| filled.text.as_str()).collect();
            let text = format!("({})", texts.join(", "));
            Filled { text, value: filled.into_iter().map(|filled| filled.value).collect() }
        }
        Shape::Object(members) => object(parameter, members, style, draws),
    }
}

fn choice(choices: &[Value], style: Style, draws: &mut Draws) -> Filled {
    let value = draws.pick(choices).cloned().unwrap_or_default();
    let text = match &value {
        Value::String(text) if style.lower => text.to_lowercase(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Filled { value, text }
}

fn text(parameter: &Parameter, style: Style, draws: &mut Draws) -> Filled {
    let kind = parameter.kind;
    if kind == "dateiso" {
        return date(style, draws);
    }
    let said = match &parameter.default {
        _ if !parameter.examples.is_empty() && draws.chance(0.5) => draws.pick(&parameter.examples).cloned(),
        Some(Value::String(default)) if !default.is_empty() && draws.chance(0.2) => Some(default.clone()),
        _ => None,
    };
    let said = said.unwrap_or_else(|| of_kind(kind, style, draws));
    let text = style.spelt(said);
    Filled { value: text.clone().into(), text }
}

fn of_kind(kind: &str, style: Style, draws: &mut Draws) -> String {
    let spoken = format!("{kind} spoken");
    let said =
        if style.is_spoken() && BOOK.has(&spoken) { BOOK.say(&spoken, draws) } else { BOOK.say(kind, draws) };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.is_empty() { BOOK.say("noun", draws) } else { said }
}

/// A day as its parameter wants it, `2024-05-31`, said in the same or in another way.
fn date(style: Style, draws: &mut Draws) -> Filled {
    let (first, last) = if draws.chance(0.7) { (2019, 2026) } else { (1950, 2030) };
    let year = draws.between(first, last);
    let (month, day) = (draws.between(1, 12), draws.between(1, 28));
    let value = format!("{year}-{month:02}-{day:02}");
    if !style.is_spoken() && draws.chance(0.6) {
        return Filled { text: value.clone(), value: value.into() };
    }
    let name = BOOK.all("month").get(month as usize - 1).copied().unwrap_or_default();
    let text = match draws.below(5) {
        0 => format!("{name} {day}, {year}"),
        1 => format!("{name} {}, {year}", ordinal(day)),
        2 => format!("{day} {name} {year}"),
        3 => format!("{name} {day} {year}"),
        _ => format!("the {} of {name} {year}", ordinal(day)),
    };
    Filled { value: value.into(), text: style.spelt(text) }
}

fn ordinal(day: i64) -> String {
    let end = match (day, day % 10) {
        (4..=20, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{day}{end}")
}

fn list(element: &Parameter, style: Style, draws: &mut Draws) -> Filled {
    let numbers = matches!(element.shape, Shape::Number(_));
    let nested = matches!(element.shape, Shape::List(_) | Shape::Tuple(_));
    let count = if numbers { draws.between(2, 5) } else { draws.between(1, 3) };
    let mut elements: Vec<Filled> = Vec::new();
    for _ in 0..count {
        let filled = fill(element, style, draws);
        if numbers || elements.iter().all(|other| other.value != filled.value) {
            elements.push(filled);
        }
    }
    let texts: Vec<&str> = elements.iter().map(|filled| filled.text.as_str()).collect();
    let bracketed = nested || numbers && draws.chance(0.25);
    let text = if bracketed { format!("[{}]", texts.join(", ")) } else { joined(&texts, style, draws) };
    Filled { text, value: elements.into_iter().map(|filled| filled.value).collect() }
}

/// Several things said one after the other.
pub(super) fn joined(texts: &[&str], style: Style, draws: &mut Draws) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if style.is_spoken() || !style.punctuated => {
            let comma = if texts.len() > 2 && style.is_spoken() { " and " } else { ", " };
            format!("{} and {last}", first.join(comma))
        }
        [first @ .., last] => {
            let and = [" and ", " and ", ", and ", ", "][draws.below(4)];
            format!("{}{and}{last}", first.join(", "))
        }
    }
}

fn object(parameter: &Parameter, members: &[Parameter], style: Style, draws: &mut Draws) -> Filled {
    let (mut value, mut said, mut saying) = (Map::new(), Vec::new(), parameter.saying.map(str::to_owned));
    for member in members {
        if saying.is_none() && !draws.chance(member.mention) {
            continue;
        }
        let filled = fill(member, style, draws);
        match &mut saying {
            Some(saying) => *saying = saying.replace(&format!("{{{}}}", member.name), &filled.text),
            None => said.push(format!("{} {}", member.words(), filled.text)),
        }
        value.insert(member.name.clone(), filled.value);
    }
    Filled { text: saying.unwrap_or_else(|| said.join(", ")), value: value.into() }
}
