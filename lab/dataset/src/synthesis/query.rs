//! Queries for one function or several, with the calls that they ask for.

use serde_json::{Map, Value};

use super::action::request;
use super::finish::{finished, sentence};
use super::phrasebook::{BOOK, capitalised};
use super::phrases::said;
use super::signature::{Parameter, Signature};
use super::style::{Manner, Style};
use super::texts::Texts;
use super::value::{Filled, fill};
use crate::draws::Draws;

/// A query, and for each call its function (by its place among those asked for) and its arguments.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) calls: Vec<(usize, Map<String, Value>)>,
}

/// The arguments of a call, in the order of the parameters.
pub(super) type Given<'a> = Vec<(&'a Parameter, Filled)>;

/// A query for one call of each function, in order. None if values do not fit a schema.
pub(super) fn one_of_each(signatures: &[&Signature], style: Style, draws: &mut Draws) -> Option<Query> {
    let mut texts = Texts::default();
    let (mut clauses, mut calls) = (Vec::new(), Vec::new());
    let often = if signatures.len() > 1 { 0.6 } else { 1.0 };
    for (index, signature) in signatures.iter().enumerate() {
        let given = given(signature, often, style, draws);
        calls.push((index, accepted(signature, &given)?));
        clauses.push(clause(signature, &given, style, &mut texts, draws));
    }
    let line = match &clauses[..] {
        [one] => sentence(one, style, draws),
        _ if style.punctuated && style.manner != Manner::Spoken && draws.chance(0.4) => {
            let ended = |clause: &String| {
                let text = capitalised(&sentence(clause, style, draws));
                if text.ends_with(['.', '?']) { text } else { text + "." }
            };
            clauses.iter().map(ended).collect::<Vec<_>>().join(" ")
        }
        [first, rest @ ..] => {
            let section = if style.is_spoken() { "join spoken" } else { "join" };
            let joined = rest.iter().fold(first.clone(), |line, clause| {
                let join = BOOK.any(section, draws);
                let space = if join.starts_with([',', '.']) { "" } else { " " };
                format!("{line}{space}{join} {clause}")
            });
            sentence(&joined, style, draws)
        }
        [] => return None,
    };
    Some(Query { text: finished(&line, &texts, style, draws), calls })
}

/// Values for what a query gives: what is required, and of the rest some, more or less often.
pub(super) fn given<'a>(signature: &'a Signature, often: f64, style: Style, draws: &mut Draws) -> Given<'a> {
    let mut given: Given<'a> = Vec::new();
    for parameter in &signature.parameters {
        if parameter.mention >= 1.0 || draws.chance(parameter.mention * often) {
            given.push((parameter, unlike(&given, parameter, style, draws)));
        }
    }
    // Where nothing is required, few ask without any argument.
    if given.is_empty() && draws.chance(0.6) {
        let one = draws.pick(&signature.parameters);
        given.extend(one.map(|parameter| (parameter, fill(parameter, style, draws))));
    }
    given
}

/// A value that no other argument has, if one is found soon: nobody flies from Rome to Rome.
fn unlike(given: &Given<'_>, parameter: &Parameter, style: Style, draws: &mut Draws) -> Filled {
    let taken = |filled: &Filled| {
        filled.value.is_string() && given.iter().any(|(_, other)| other.value == filled.value)
    };
    let first = fill(parameter, style, draws);
    if taken(&first) { fill(parameter, style, draws) } else { first }
}

/// The arguments, if the function's schema accepts them.
pub(super) fn accepted(signature: &Signature, given: &Given<'_>) -> Option<Map<String, Value>> {
    let pairs = given.iter().map(|(parameter, filled)| (parameter.name.clone(), filled.value.clone()));
    let arguments: Map<String, Value> = pairs.collect();
    signature.accepts(&arguments).then_some(arguments)
}

/// What is asked for one call, without an end.
fn clause(
    signature: &Signature,
    given: &Given<'_>,
    style: Style,
    texts: &mut Texts,
    draws: &mut Draws,
) -> String {
    let mut arguments: Vec<(&Parameter, &Filled)> =
        given.iter().map(|(parameter, filled)| (*parameter, filled)).collect();
    let request = request(signature, style, draws);
    let sentences = style.punctuated && matches!(style.manner, Manner::Written | Manner::Chatty);
    if !sentences || arguments.len() < 2 {
        return request + &said(&arguments, style, texts, draws);
    }
    match draws.unit() {
        // One of the arguments before everything else.
        share if share < 0.1 => {
            let first = arguments.remove(draws.below(arguments.len()));
            let lead = said(&[first], style, texts, draws);
            let lead = lead.trim();
            let leads = ["in ", "for ", "on ", "at ", "from ", "with ", "using ", "given "];
            let rest = said(&arguments, style, texts, draws);
            match leads.iter().any(|start| lead.starts_with(start)) {
                true => format!("{lead}, {request}{rest}"),
                false => format!("{request}{rest}{}{lead}", if lead.starts_with(',') { "" } else { " " }),
            }
        }
        // The last one in a sentence of its own.
        share if share < 0.25 => {
            let last = arguments.split_off(arguments.len() - 1);
            let rest = said(&arguments, style, texts, draws);
            let tail = said(&last, style, texts, draws);
            let tail = tail.trim_start_matches([',', ' ']).trim_start_matches("and ");
            format!("{request}{rest}. {} {tail}", BOOK.any("tail", draws))
        }
        _ => request + &said(&arguments, style, texts, draws),
    }
}
