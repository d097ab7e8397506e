//! From what a policy wrote to distinct expansions.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use toolbeam_grammar::render::closing;
use toolbeam_grammar::{Boundary, Parser, Status, Step};

use crate::answer::Answer;
use crate::candidate::Decisions;
use crate::command::Draw;
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
    /// Inside a step that only repeats itself.
    Repetition,
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
    /// The steps that the reward model was not asked about yet: those that were completed, and at
    /// first those that were dictated; never empty.
    pub new_steps: Range<usize>,
    /// The bytes that were added.
    pub new_text: Range<usize>,
    /// How many draws decided exactly this.
    pub count: u32,
    /// The lowest of their indices.
    pub index: u32,
}

/// Parses continuations of `parent`, closes those that made their last call, drops those that
/// completed no step or took one that is not allowed (counted by kind), and merges those with equal
/// decisions and equal parser states. Of merged spellings the most probable stands. The order of `continuations`
/// does not matter; expansions come by index. Single tokens, [`Draw::Top`], need complete no step.
pub fn expand(
    parent: &Answer,
    mut continuations: Vec<Continuation>,
    draw: Draw,
) -> (Vec<Expansion>, Dropped) {
    continuations.sort_by_key(|continuation| continuation.index);
    let mut dropped = Dropped::default();
    let mut expansions = Vec::new();
    for continuation in continuations.into_iter().filter(|continuation| continuation.count > 0) {
        match follow(parent, &continuation, draw) {
            Ok(answer) => expansions.push(Expansion {
                new_steps: parent.scored..answer.steps.len(),
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
fn follow(parent: &Answer, continuation: &Continuation, draw: Draw) -> Result<Answer, DropKind> {
    let written =
        Piece::read(parent, Cow::Borrowed(&continuation.text), continuation.finish == Finish::EndOfSequence);
    let closed = parent.rules.cut(&parent.steps, &written.boundaries).map(|end| written.closed(parent, end));
    if closed.is_none() {
        check(continuation.finish, &written, draw)?;
    }
    let token_ids = if closed.is_none() { continuation.token_ids.as_slice() } else { &[] };
    let Piece { text, boundaries, parser } = closed.unwrap_or(written);
    if !boundaries.iter().all(|boundary| parent.rules.allow(&boundary.step)) {
        return Err(DropKind::NotAllowed);
    }
    let steps = boundaries.into_iter().map(|boundary| boundary.step);
    let mut answer = parent.extended(token_ids, &text, steps, parser);
    answer.log_probability +=
        if continuation.log_probability.is_nan() { f64::NEG_INFINITY } else { continuation.log_probability };
    Ok(answer)
}

/// Bytes that continue an answer, and what they decide.
struct Piece<'a> {
    text: Cow<'a, [u8]>,
    boundaries: Vec<Boundary>,
    parser: Parser,
}

impl<'a> Piece<'a> {
    fn read(parent: &Answer, text: Cow<'a, [u8]>, ended: bool) -> Piece<'a> {
        let mut parser = parent.parser.clone();
        let mut boundaries = parser.feed(&text);
        if ended {
            boundaries.extend(parser.end());
        }
        Piece { text, boundaries, parser }
    }

    /// The piece up to the byte `end` of the answer, and the answer's canonical end.
    fn closed(&self, parent: &Answer, end: usize) -> Piece<'static> {
        let kept = self.text.iter().take(end.saturating_sub(parent.text.len()));
        let text: Vec<u8> = kept.copied().chain(closing(self.parser.layout()).bytes()).collect();
        Piece::read(parent, Cow::Owned(text), true)
    }
}

/// Refuses a continuation that completed no step, or ended inside one.
fn check(finish: Finish, written: &Piece<'_>, draw: Draw) -> Result<(), DropKind> {
    if finish == Finish::Invalid || matches!(written.parser.status(), Status::Invalid { .. }) {
        return Err(DropKind::Invalid);
    }
    let complete = matches!(written.boundaries.last(), Some(last) if last.step == Step::TotalFinish);
    let stepped = written.boundaries.iter().any(|boundary| boundary.step.marker().ends_expansion());
    match finish {
        // After the end nothing can follow, so that only a complete answer is one.
        Finish::EndOfSequence if !complete => Err(DropKind::Ended),
        Finish::Repetition => Err(DropKind::Repetition),
        // Where not even one token fits, nothing ever will.
        Finish::Length if !stepped && (draw != Draw::Top || written.text.is_empty()) => Err(DropKind::Length),
        // The policy saw a step where this layout has none.
        Finish::Step if !stepped => Err(DropKind::Invalid),
        Finish::EndOfSequence | Finish::Length | Finish::Step | Finish::Invalid => Ok(()),
    }
}

/// Merges expansions of one parent that decide the same, keeping the order of first appearance.
pub(crate) fn merge(expansions: Vec<Expansion>) -> Vec<Expansion> {
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
