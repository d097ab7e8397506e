//! Records that no call fits: the tools do something else, or the user asks for nothing.

use std::collections::BTreeSet;

use super::catalogue::Catalogue;
use super::finish::{finished, sentence};
use super::kinds::words_of;
use super::phrasebook::BOOK;
use super::query::one_of_each;
use super::signature::Signature;
use super::style::{Manner, Style};
use super::texts::Texts;
use crate::draws::Draws;

/// A query without a call, and the tools beside it.
pub(super) type Unanswered = (String, Vec<usize>);

/// A request for a function that is not offered, beside functions about other things.
pub(super) fn unsupported(catalogue: &Catalogue, number: usize, draws: &mut Draws) -> Option<Unanswered> {
    let style = Style::draw(draws);
    let wanted = catalogue.pick(draws)?;
    let signature = catalogue.signature(wanted);
    let query = one_of_each(&[signature], style, draws)?;
    let like: &[usize] = if draws.chance(0.5) { &[wanted] } else { &[] };
    let fits = |other: &Signature| other.is_apart_from(signature) && !other.is_open();
    let tools = catalogue.beside_all(like, &[], number, &fits, draws);
    (!tools.is_empty()).then_some((query.text, tools))
}

/// A request for a function that is not offered, beside functions that are given, all about other things.
pub(super) fn unsupported_by(
    catalogue: &Catalogue,
    offered: &[&Signature],
    draws: &mut Draws,
) -> Option<String> {
    let signature = catalogue.signature(catalogue.pick(draws)?);
    let is_apart = offered.iter().all(|other| other.is_apart_from(signature) && !other.is_open());
    let query = is_apart.then(|| one_of_each(&[signature], Style::draw(draws), draws))?;
    Some(query?.text)
}

/// A request for a function that is not offered, beside one that acts on the same but does something else.
pub(super) fn wrong_action(catalogue: &Catalogue, number: usize, draws: &mut Draws) -> Option<Unanswered> {
    let style = Style::draw(draws);
    let wanted = catalogue.pick(draws)?;
    let signature = catalogue.signature(wanted);
    let other = catalogue.near(wanted, draws)?;
    if !is_other_action(signature, catalogue.signature(other)) {
        return None;
    }
    let query = one_of_each(&[signature], style, draws)?;
    let fits = |other: &Signature| other.is_apart_from(signature) && !other.is_open();
    let tools = catalogue.beside_all(&[other], &[other], number, &fits, draws);
    Some((query.text, tools))
}

/// As [`wrong_action`], beside functions that are given.
pub(super) fn wrong_action_of(catalogue: &Catalogue, offered: &[usize], draws: &mut Draws) -> Option<String> {
    let near = *draws.pick(offered)?;
    let wanted = catalogue.near(near, draws)?;
    let (signature, near_signature) = (catalogue.signature(wanted), catalogue.signature(near));
    let others = offered.iter().filter(|other| **other != near).map(|other| catalogue.signature(*other));
    let is_apart = others.into_iter().all(|other| other.is_apart_from(signature) && !other.is_open());
    if !is_apart || !catalogue.is_asked_for(wanted) || !is_other_action(signature, near_signature) {
        return None;
    }
    Some(one_of_each(&[signature], Style::draw(draws), draws)?.text)
}

/// Whether a function is known to do something else than what is wanted, and cannot be meant by it.
fn is_other_action(wanted: &Signature, offered: &Signature) -> bool {
    let differs = matches!((wanted.does, offered.does), (Some(wanted), Some(offered)) if wanted != offered);
    differs && !wanted.resembles(offered)
}

/// What asks for nothing, or for something that none of the functions is about.
pub(super) fn talk(catalogue: &Catalogue, number: usize, draws: &mut Draws) -> Option<Unanswered> {
    let (text, about) = said(draws);
    let fits = |other: &Signature| !other.is_open() && about.is_disjoint(&other.words);
    let like: Vec<usize> = catalogue.pick(draws).into_iter().collect();
    let tools = catalogue.beside_all(&like, &[], number, &fits, draws);
    (!tools.is_empty()).then_some((text, tools))
}

/// As [`talk`], beside functions that are given.
pub(super) fn talk_beside(offered: &[&Signature], draws: &mut Draws) -> Option<String> {
    let (text, about) = said(draws);
    offered.iter().all(|other| !other.is_open() && about.is_disjoint(&other.words)).then_some(text)
}

/// Talk, and the words that it is about.
fn said(draws: &mut Draws) -> (String, BTreeSet<String>) {
    let style = Style { manner: said_as(draws), ..Style::draw(draws) };
    let section = if draws.chance(0.7) { "small talk" } else { "open question" };
    let line = BOOK.say(section, draws);
    let about = words_of(&line).into_iter().filter(|word| word.len() > 3).collect();
    (finished(&sentence(&line, style, draws), &Texts::default(), style, draws), about)
}

fn said_as(draws: &mut Draws) -> Manner {
    if draws.chance(0.5) { Manner::Spoken } else { Manner::Terse }
}
