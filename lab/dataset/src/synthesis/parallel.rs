//! Queries for several calls of one function.

use super::action::request;
use super::finish::{finished, sentence};
use super::phrasebook::BOOK;
use super::phrases::{Place, phrase, said};
use super::query::{Given, Query, accepted, given};
use super::signature::{Parameter, Shape, Signature};
use super::style::Style;
use super::texts::Texts;
use super::value::{Filled, fill, joined};
use crate::draws::Draws;

/// A query for two to four calls of a function, which give the same parameters and differ in some. None if
/// nothing differs, or values do not fit the schema.
pub(super) fn parallel(signature: &Signature, style: Style, draws: &mut Draws) -> Option<Query> {
    let first = given(signature, 0.6, style, draws);
    let differing = differing(&first, draws);
    if differing.is_empty() {
        return None;
    }
    let count = if first.len() > 2 { 2 } else { 2 + draws.weighted(&[0.65, 0.25, 0.1]) };
    let mut sets = vec![first];
    while sets.len() < count {
        sets.push(another(&sets[0], &differing, style, draws));
    }
    let mut calls = Vec::new();
    for set in &sets {
        let arguments = accepted(signature, set)?;
        if calls.iter().any(|(_, other)| *other == arguments) {
            return None;
        }
        calls.push((0, arguments));
    }
    let mut texts = Texts::default();
    let plain = |index: &usize| !matches!(sets[0][*index].0.shape, Shape::Flag | Shape::List(_));
    let line = match &differing[..] {
        [one] if plain(one) && draws.chance(0.8) => listed(signature, &sets, *one, style, &mut texts, draws),
        many if many.len() > 1
            && many.len() == sets[0].len()
            && many.iter().all(plain)
            && draws.chance(0.25) =>
        {
            respectively(signature, &sets, style, &mut texts, draws)
        }
        _ => repeated(signature, &sets, style, &mut texts, draws),
    };
    Some(Query { text: finished(&sentence(&line, style, draws), &texts, style, draws), calls })
}

/// Which arguments differ between the calls: one of them, or all.
fn differing(first: &Given<'_>, draws: &mut Draws) -> Vec<usize> {
    let all: Vec<usize> = (0..first.len()).collect();
    if draws.chance(0.55) { draws.pick(&all).copied().into_iter().collect() } else { all }
}

fn another<'a>(first: &Given<'a>, differing: &[usize], style: Style, draws: &mut Draws) -> Given<'a> {
    let mut set = first.clone();
    for index in differing {
        let (parameter, filled) = &mut set[*index];
        *filled = fill(parameter, style, draws);
    }
    set
}

fn arguments<'a>(set: &'a Given<'_>) -> Vec<(&'a Parameter, &'a Filled)> {
    set.iter().map(|(parameter, filled)| (*parameter, filled)).collect()
}

/// The values that one argument has in the calls, as one letter for the phrase around them.
fn values(sets: &[Given<'_>], index: usize, style: Style, texts: &mut Texts, draws: &mut Draws) -> String {
    let values: Vec<&str> = sets.iter().map(|set| set[index].1.text.as_str()).collect();
    texts.hold(joined(&values, style, draws))
}

/// "... for Rome, Oslo and Lima".
fn listed(
    signature: &Signature,
    sets: &[Given<'_>],
    index: usize,
    style: Style,
    texts: &mut Texts,
    draws: &mut Draws,
) -> String {
    let held = values(sets, index, style, texts, draws);
    let (parameter, filled) = &sets[0][index];
    let place = Place { first: true, alone: true };
    let list = phrase(parameter, filled, &held, place, style, draws);
    let list = if list.starts_with([',', ':']) { list } else { format!(" {list}") };
    let mut others = arguments(&sets[0]);
    others.remove(index);
    let others = said(&others, style, texts, draws);
    let request = request(signature, style, draws);
    if draws.chance(0.6) { format!("{request}{list}{others}") } else { format!("{request}{others}{list}") }
}

/// "... from Rome and Oslo to Lima and Cairo respectively".
fn respectively(
    signature: &Signature,
    sets: &[Given<'_>],
    style: Style,
    texts: &mut Texts,
    draws: &mut Draws,
) -> String {
    let mut line = request(signature, style, draws);
    for (index, (parameter, filled)) in sets[0].iter().enumerate() {
        let held = values(sets, index, style, texts, draws);
        let place = Place { first: index == 0, alone: false };
        let phrase = phrase(parameter, filled, &held, place, style, draws);
        let space = if phrase.starts_with([',', ':']) { "" } else { " " };
        line = format!("{line}{space}{phrase}");
    }
    line + " respectively"
}

/// The request once or each time, and what is said of each call's arguments.
fn repeated(
    signature: &Signature,
    sets: &[Given<'_>],
    style: Style,
    texts: &mut Texts,
    draws: &mut Draws,
) -> String {
    let once = draws.chance(0.5);
    let mut line = request(signature, style, draws) + &said(&arguments(&sets[0]), style, texts, draws);
    for set in &sets[1..] {
        let join = match (once, style.is_spoken()) {
            (true, true) => ["and", "and also", "then again"][draws.below(3)],
            (true, false) => BOOK.any("again", draws),
            (false, true) => BOOK.any("join spoken", draws),
            (false, false) => BOOK.any("join", draws),
        };
        let space = if join.starts_with([',', '.']) { "" } else { " " };
        let again = if once { String::new() } else { format!(" {}", request(signature, style, draws)) };
        line = format!("{line}{space}{join}{again}{}", said(&arguments(set), style, texts, draws));
    }
    line
}
