//! Finishing one answer greedily: all of the greedy strategy, and what a search does with its
//! reserve when the deadline nears.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::answer::Answer;
use crate::command::{BeamId, Command, Draw};
use crate::event::Event;
use crate::expansion::Expansion;
use crate::ledger::{Ledger, award};
use crate::note::Note;
use crate::outcome::StopReason;

/// One beam that takes the most probable step until its answer is complete, then has the steps
/// scored that have no rewards, once, so that the caller gets them.
#[derive(Debug)]
pub(crate) struct Completion {
    beam: BeamId,
    answer: Arc<Answer>,
    /// Bytes of the answer where the completion began.
    from: usize,
    /// The complete answer, while its rewards are awaited.
    complete: Option<Expansion>,
}

impl Completion {
    /// Begins to complete `answer`; the command asks for its next step, or for the rewards of one
    /// that is complete.
    pub(crate) fn begin(beam: BeamId, answer: Arc<Answer>, ledger: &mut Ledger) -> (Completion, Command) {
        let from = answer.text.len();
        let mut completion = Completion { beam, answer, from, complete: None };
        let command = if completion.answer.is_complete() {
            completion.score(1, 0, ledger)
        } else {
            ledger.expand(beam, &completion.answer, 0, 1, Draw::Greedy)
        };
        (completion, command)
    }

    /// What follows from an event: more commands, or the end. The answer, if there is one, is in
    /// the ledger's pool by then.
    pub(crate) fn on_event(
        &mut self,
        event: Event,
        ledger: &mut Ledger,
    ) -> ControlFlow<StopReason, Vec<Command>> {
        match event {
            Event::Expanded { beam, mut expansions, dropped, usage }
                if beam == self.beam && self.complete.is_none() =>
            {
                ledger.usage.policy.merge(usage);
                ledger.dropped.merge(dropped);
                ledger.rounds += 1;
                let note = Note::Expanded {
                    round: ledger.rounds,
                    beam,
                    candidates: u32::try_from(expansions.len()).unwrap_or(u32::MAX),
                    dropped,
                };
                expansions.truncate(1);
                match expansions.pop() {
                    Some(expansion) => self.advance(expansion, Command::Note(note), ledger),
                    None => ControlFlow::Break(StopReason::Finished),
                }
            }
            Event::Scored { beam, judgements, usage } if beam == self.beam => {
                let Some(complete) = self.complete.take() else {
                    return ControlFlow::Continue(Vec::new());
                };
                ledger.usage.reward.merge(usage);
                // It was not chosen by rewards: better an answer without them than none.
                match award(vec![complete], judgements) {
                    Ok((awarded, unread)) => {
                        for complete in awarded.iter().chain(&unread) {
                            ledger.offer(&complete.answer, complete.count);
                        }
                        ControlFlow::Break(StopReason::Finished)
                    }
                    Err(failure) => ControlFlow::Break(StopReason::Failed(failure)),
                }
            }
            Event::Failed { beam, failure } if beam == self.beam => {
                ControlFlow::Break(StopReason::Failed(failure))
            }
            Event::DeadlineReached => {
                // Better an answer without rewards than none.
                if let Some(complete) = self.complete.take() {
                    ledger.offer(&complete.answer, complete.count);
                }
                ControlFlow::Break(StopReason::Deadline)
            }
            Event::Cancelled => ControlFlow::Break(StopReason::Cancelled),
            Event::Expanded { .. } | Event::Scored { .. } | Event::Failed { .. } | Event::DeadlineNear => {
                ControlFlow::Continue(Vec::new())
            }
        }
    }

    /// Takes the step, and asks for the next or for the rewards.
    fn advance(
        &mut self,
        expansion: Expansion,
        note: Command,
        ledger: &mut Ledger,
    ) -> ControlFlow<StopReason, Vec<Command>> {
        self.answer = expansion.answer;
        if !self.answer.is_complete() {
            if let Some(limit) = ledger.exhausted() {
                return ControlFlow::Break(limit);
            }
            // There is one beam, which agrees with itself.
            let committed = ledger.commit(&self.answer.steps);
            let command = ledger.expand(self.beam, &self.answer, 0, 1, Draw::Greedy);
            return ControlFlow::Continue([note].into_iter().chain(committed).chain([command]).collect());
        }
        if !ledger.pool.admits(&self.answer) {
            // Counted as dropped; no reward would change that.
            ledger.offer(&self.answer, expansion.count);
            return ControlFlow::Break(StopReason::Finished);
        }
        let command = self.score(expansion.count, expansion.index, ledger);
        ControlFlow::Continue(vec![note, command])
    }

    /// Asks for the rewards of a complete answer.
    fn score(&mut self, count: u32, index: u32, ledger: &mut Ledger) -> Command {
        let whole = Expansion {
            new_steps: self.answer.scored..self.answer.steps.len(),
            new_text: self.from..self.answer.text.len(),
            answer: Arc::clone(&self.answer),
            count,
            index,
        };
        self.complete = Some(whole.clone());
        ledger.score(self.beam, vec![whole])
    }
}
