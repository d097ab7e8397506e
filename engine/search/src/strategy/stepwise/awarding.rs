//! The rewards of answers that were chosen without: reported, not used.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::command::{BeamId, Command};
use crate::event::Event;
use crate::expansion::Expansion;
use crate::ledger::{Ledger, award};
use crate::outcome::StopReason;

/// Waits for the rewards of what will be returned, so that the caller has them.
#[derive(Debug)]
pub(crate) struct Awarding {
    beam: BeamId,
    chosen: Vec<Expansion>,
    reason: StopReason,
}

impl Awarding {
    /// Asks for the rewards of the answers that the ledger would return now, in one request; nothing if there
    /// is no answer.
    pub(crate) fn begin(
        beam: BeamId,
        reason: StopReason,
        ledger: &mut Ledger,
    ) -> Option<(Awarding, Command)> {
        let whole = |(index, answer): (usize, Arc<_>)| whole(index, answer);
        let chosen: Vec<Expansion> = ledger.choose().into_iter().enumerate().map(whole).collect();
        if chosen.is_empty() {
            return None;
        }
        let command = ledger.score(beam, chosen.clone());
        Some((Awarding { beam, chosen, reason }, command))
    }

    /// What follows from an event: nothing yet, or the end of the search.
    pub(crate) fn on_event(&mut self, event: Event, ledger: &mut Ledger) -> ControlFlow<StopReason> {
        match event {
            Event::Scored { beam, judgements, usage } if beam == self.beam => {
                ledger.usage.reward.merge(usage);
                // What the reward model cannot read stays without: it was not chosen by rewards.
                match award(std::mem::take(&mut self.chosen), judgements) {
                    Ok((awarded, _)) => awarded.iter().for_each(|it| ledger.pool.award(&it.answer)),
                    Err(failure) => return ControlFlow::Break(StopReason::Failed(failure)),
                }
                ControlFlow::Break(self.reason.clone())
            }
            Event::Failed { beam, failure } if beam == self.beam => {
                ControlFlow::Break(StopReason::Failed(failure))
            }
            // Better answers without rewards than none.
            Event::DeadlineReached => ControlFlow::Break(StopReason::Deadline),
            Event::Cancelled => ControlFlow::Break(StopReason::Cancelled),
            Event::Expanded { .. } | Event::Scored { .. } | Event::Failed { .. } | Event::DeadlineNear => {
                ControlFlow::Continue(())
            }
        }
    }
}

/// A complete answer as one expansion of which no step was judged.
fn whole(index: usize, answer: Arc<crate::answer::Answer>) -> Expansion {
    Expansion {
        new_steps: answer.scored..answer.steps.len(),
        new_text: 0..answer.text.len(),
        count: 1,
        index: u32::try_from(index).unwrap_or(u32::MAX),
        answer,
    }
}
