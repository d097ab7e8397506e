//! From what a policy wrote to distinct expansions.

use std::ops::Range;
use std::sync::Arc;

use toolbeam_grammar::{Status, Step};

use crate::answer::Answer;
use crate::candidate::Decisions;
use crate::dropped::{DropKind, Dropped};

/// Why a policy ended a continuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finish {
    /// With the token that completed the next step.
    Step,
    /// The policy ended its turn.
    EndOfSequence,
    /// A token limit, or the end of the context.
    Length,
    /// It can no longer become an answer of the layout.
    Invalid,
}

/// One distinct continuation of a partial answer, as a policy gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    /// The new tokens.
    pub token_ids: Vec<u32>,
    /// Their bytes. Not necessarily UTF-8 if it ended inside a character.
    pub text: Vec<u8>,
    /// The lowest of the expansions that drew it, counted from 0.
    pub index: u32,
    /// How many expansions drew exactly this.
    pub count: u32,
    /// Sum of the new tokens' log-probabilities.
    pub log_probability: f64,
    /// Why it ended.
    pub finish: Finish,
}

/// A distinct expansion: a longer answer, and what is new in it.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The answer. Its new steps have no rewards yet.
    pub answer: Arc<Answer>,
    /// The steps that were completed; never empty.
    pub new_steps: Range<usize>,
    /// The bytes that were added.
    pub new_text: Range<usize>,
    /// How many draws decided exactly this.
    pub count: u32,
    /// The lowest of their indices.
    pub index: u32,
}

/// Parses continuations of `parent`, drops those that completed no step (counted by kind), and
/// merges those with equal decisions and equal parser states. Of merged spellings the most
/// probable stands. The order of `continuations` does not matter; expansions come by index.
pub fn expand(parent: &Answer, mut continuations: Vec<Continuation>) -> (Vec<Expansion>, Dropped) {
    continuations.sort_by_key(|continuation| continuation.index);
    let mut dropped = Dropped::default();
    let mut expansions = Vec::new();
    for continuation in continuations.into_iter().filter(|continuation| continuation.count > 0) {
        match follow(parent, &continuation) {
            Ok(answer) => expansions.push(Expansion {
                new_steps: parent.steps.len()..answer.steps.len(),
                new_text: parent.text.len()..answer.text.len(),
                answer: Arc::new(answer),
                count: continuation.count,
                index: continuation.index,
            }),
            Err(kind) => dropped.add(kind, continuation.count),
        }
    }
    (merge(expansions), dropped)
}

/// The answer that a continuation leads to.
fn follow(parent: &Answer, continuation: &Continuation) -> Result<Answer, DropKind> {
    if continuation.finish == Finish::Invalid {
        return Err(DropKind::Invalid);
    }
    let mut parser = parent.parser.clone();
    let mut boundaries = parser.feed(&continuation.text);
    if continuation.finish == Finish::EndOfSequence {
        boundaries.extend(parser.end());
    }
    if matches!(parser.status(), Status::Invalid { .. }) {
        return Err(DropKind::Invalid);
    }
    let fresh: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    let complete = matches!(fresh.last(), Some(Step::TotalFinish));
    let stepped = fresh.iter().any(|step| step.marker().ends_expansion());
    match continuation.finish {
        // After the end nothing can follow, so that only a complete answer is one.
        Finish::EndOfSequence if !complete => return Err(DropKind::Ended),
        Finish::Length if !stepped => return Err(DropKind::Length),
        // The policy saw a step where this layout has none.
        Finish::Step if !stepped => return Err(DropKind::Invalid),
        Finish::EndOfSequence | Finish::Length | Finish::Step | Finish::Invalid => {}
    }
    let mut answer = parent.clone();
    answer.token_ids.extend_from_slice(&continuation.token_ids);
    answer.text.extend_from_slice(&continuation.text);
    answer.parser = parser;
    answer.rewards.resize(answer.steps.len() + fresh.len(), None);
    answer.steps.extend(fresh);
    answer.log_probability +=
        if continuation.log_probability.is_nan() { f64::NEG_INFINITY } else { continuation.log_probability };
    Ok(answer)
}

/// Merges expansions of one parent that decide the same, keeping the order of first appearance.
fn merge(expansions: Vec<Expansion>) -> Vec<Expansion> {
    let mut places = std::collections::HashMap::with_capacity(expansions.len());
    let mut merged: Vec<Expansion> = Vec::with_capacity(expansions.len());
    for expansion in expansions {
        let place = *places.entry(Decisions(Arc::clone(&expansion.answer))).or_insert_with(|| merged.len());
        match merged.get_mut(place) {
            Some(earlier) => {
                earlier.count = earlier.count.saturating_add(expansion.count);
                if expansion.answer.log_probability > earlier.answer.log_probability {
                    earlier.answer = expansion.answer;
                    earlier.new_text = expansion.new_text;
                }
            }
            None => merged.push(expansion),
        }
    }
    merged
}
