//! What a query says of each argument.

use std::sync::LazyLock;

use regex::Regex;

use super::phrasebook::BOOK;
use super::signature::{Parameter, Shape};
use super::style::{Manner, Style};
use super::texts::Texts;
use super::value::Filled;
use crate::draws::Draws;

static UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let units = "meters per second|meters|kilometers|miles|seconds|minutes|hours|days|years|months|weeks|degrees|\
                 celsius|kilograms|grams|dollars|feet|inches|liters|watts|percent|km|kg|cm";
    Regex::new(&format!(r"(?i)\bin ({units})\b")).ok()
});

static NOUN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let end = r"(?:\s+(?:of|for|to|in|used|that|at|from|with|by)\b.*|[.,(].*|$)";
    Regex::new(&format!(r"(?i)^(?:(?:the|an|a)\s+)?((?:\w+\s?){{1,4}}?){end}")).ok()
});

/// Where an argument stands in its query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// It is the first of its function, or the only one.
    pub(super) first: bool,
    /// No other argument of the query is like it.
    pub(super) alone: bool,
}

/// The phrases of several arguments, in some order, joined.
pub(super) fn said(
    arguments: &[(&Parameter, &Filled)],
    style: Style,
    texts: &mut Texts,
    draws: &mut Draws,
) -> String {
    let mut order: Vec<usize> = (0..arguments.len()).collect();
    if draws.chance(0.45) {
        draws.shuffle(&mut order);
    }
    let mut line = String::new();
    for (count, index) in order.iter().enumerate() {
        let (parameter, filled) = arguments[*index];
        let like = |other: &&(&Parameter, &Filled)| same_shape(&other.0.shape, &parameter.shape);
        let place = Place {
            first: *index == 0 || arguments.len() == 1,
            alone: arguments.iter().filter(like).count() == 1,
        };
        let held = texts.hold(quoted(parameter, filled, style, draws));
        let phrase = phrase(parameter, filled, &held, place, style, draws);
        let joins = phrase.starts_with(',') || phrase.starts_with("and") || phrase.starts_with('(');
        if count > 0 && !joins && style.manner != Manner::Terse && draws.chance(0.45) {
            let last = count + 1 == order.len();
            line.push_str(if last || draws.chance(0.3) { " and" } else { "," });
        }
        if !phrase.starts_with([',', ':']) {
            line.push(' ');
        }
        line.push_str(&phrase);
    }
    line
}

fn same_shape(one: &Shape, other: &Shape) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn quoted(parameter: &Parameter, filled: &Filled, style: Style, draws: &mut Draws) -> String {
    let text = &filled.text;
    let plain = !matches!(parameter.shape, Shape::Text) || !style.punctuated || style.is_spoken();
    match draws.unit() {
        _ if plain => text.clone(),
        share if share < 0.12 => format!("'{text}'"),
        share if share < 0.23 => format!("\"{text}\""),
        share if share < 0.25 => format!("`{text}`"),
        _ => text.clone(),
    }
}

/// What is said of one argument; `held` stands for its value.
pub(super) fn phrase(
    parameter: &Parameter,
    filled: &Filled,
    held: &str,
    place: Place,
    style: Style,
    draws: &mut Draws,
) -> String {
    if matches!(parameter.shape, Shape::Flag) {
        return flag(parameter, filled, draws);
    }
    if style.manner == Manner::Terse {
        let plain =
            matches!(parameter.shape, Shape::Text | Shape::Choice(_)) && place.alone || draws.chance(0.4);
        return if plain { held.to_owned() } else { format!("{} {held}", parameter.words()) };
    }
    let chance = draws.unit();
    if !parameter.phrases.is_empty() && chance < if place.alone { 0.62 } else { 0.4 } {
        let own = draws.pick(&parameter.phrases).copied().unwrap_or_default();
        return own.replace("{v}", held);
    }
    let of_kind = format!("say {}", parameter.kind);
    let plain = if style.is_spoken() { 0.85 } else { 0.5 };
    let likely = if place.first || place.alone { plain } else { plain * 0.6 };
    if BOOK.has(&of_kind) && draws.chance(likely) {
        return BOOK.any(&of_kind, draws).replace("{v}", held);
    }
    if place.first && matches!(parameter.shape, Shape::Text | Shape::Choice(_)) && draws.chance(0.35) {
        return BOOK.any("say first", draws).replace("{v}", held);
    }
    let section = if style.is_spoken() || !style.punctuated { "say any spoken" } else { "say any" };
    let value = format!("{held}{}", unit(parameter, draws));
    BOOK.any(section, draws).replace("{v}", &value).replace("{h}", &called(parameter, draws))
}

fn flag(parameter: &Parameter, filled: &Filled, draws: &mut Draws) -> String {
    const PREFIXES: [&str; 11] =
        ["include", "is", "has", "show", "get", "with", "enable", "use", "return", "allow", "only"];
    let name = parameter.words();
    let switched = parameter.phrases.iter().find_map(|phrase| phrase.strip_prefix('@'));
    let short = match name.split_once(' ') {
        Some((first, rest)) if PREFIXES.contains(&first) => rest,
        _ => &name,
    };
    let short = switched.filter(|_| draws.chance(0.7)).unwrap_or(short);
    let section = if filled.value == true { "flag on" } else { "flag off" };
    BOOK.any(section, draws).replace("{h}", short).replace("{n}", &name)
}

/// What the parameter is called in the query: by its name, or by the noun of its description.
fn called(parameter: &Parameter, draws: &mut Draws) -> String {
    let noun = NOUN.as_ref().and_then(|pattern| pattern.captures(parameter.description.trim()));
    let noun = noun.map(|found| found[1].trim().to_lowercase());
    let starts = ["whether", "if ", "number to", "optional", "default", "true", "either"];
    let fits =
        |noun: &String| (3..34).contains(&noun.len()) && !starts.iter().any(|start| noun.starts_with(start));
    noun.filter(fits).filter(|_| draws.chance(0.35)).unwrap_or_else(|| parameter.words())
}

fn unit(parameter: &Parameter, draws: &mut Draws) -> String {
    let number =
        matches!(parameter.shape, Shape::Number(_)) && !matches!(parameter.kind, "pct" | "money" | "rate");
    let found = UNIT.as_ref().filter(|_| number).and_then(|unit| unit.captures(&parameter.description));
    match found.filter(|_| draws.chance(0.6)) {
        Some(found) => format!(" {}", found[1].to_lowercase()),
        None => String::new(),
    }
}
