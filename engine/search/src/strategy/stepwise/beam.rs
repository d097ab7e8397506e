//! One beam's way through one round.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::answer::Answer;
use crate::candidate::Candidate;
use crate::command::{BeamId, Command};
use crate::dropped::DropKind;
use crate::event::{Event, Judgement};
use crate::expansion::{Expansion, merge};
use crate::ledger::{Ledger, award};
use crate::note::Note;
use crate::outcome::StopReason;
use crate::strategy::stepwise::allocation::{Allocation, Lot};

/// A beam. It lives for one round: what is retained continues under a new id.
#[derive(Debug)]
pub(crate) struct Beam {
    pub(crate) id: BeamId,
    pub(crate) answer: Arc<Answer>,
    /// What pruning retained it for.
    pub(crate) reward: f32,
    lot: Lot,
    /// Draws that were asked for.
    drawn: u32,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Waits for draws; what earlier ones gave.
    Expanding(Vec<Expansion>),
    /// Waits for the rewards of the first; the others need none.
    Scoring(Vec<Expansion>, Vec<Expansion>),
    Done(Vec<Candidate>),
}

impl Beam {
    pub(crate) fn new(id: BeamId, answer: Arc<Answer>, reward: f32, lot: Lot) -> Beam {
        Beam { id, answer, reward, lot, drawn: 0, progress: Progress::Expanding(Vec::new()) }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.progress, Progress::Done(_))
    }

    /// Its candidates; none if its round has not ended.
    pub(crate) fn into_candidates(self) -> Vec<Candidate> {
        match self.progress {
            Progress::Done(candidates) => candidates,
            Progress::Expanding(_) | Progress::Scoring(..) => Vec::new(),
        }
    }

    /// Asks for the draws that the strategy wants, if it wants any that were not asked for.
    pub(crate) fn expand(
        &mut self,
        allocation: &dyn Allocation,
        ledger: &mut Ledger,
        expansions: &[Expansion],
    ) -> Option<Command> {
        let wanted = allocation.draws(&ledger.settings, self.lot.draws, self.drawn, expansions);
        let first = self.drawn;
        let more = wanted.min(self.lot.draws).checked_sub(first).filter(|more| *more > 0)?;
        self.drawn = first + more;
        Some(ledger.expand(self.id, &self.answer, first, more, allocation.draw()))
    }

    /// Carries the beam on by one reply. A reply that it does not wait for is ignored.
    pub(crate) fn advance(
        &mut self,
        event: Event,
        allocation: &dyn Allocation,
        ledger: &mut Ledger,
    ) -> ControlFlow<StopReason, Vec<Command>> {
        match (std::mem::replace(&mut self.progress, Progress::Done(Vec::new())), event) {
            (Progress::Expanding(earlier), Event::Expanded { expansions, dropped, usage, .. }) => {
                ledger.usage.policy.merge(usage);
                ledger.dropped.merge(dropped);
                let candidates = u32::try_from(expansions.len()).unwrap_or(u32::MAX);
                let note = Note::Expanded { round: ledger.rounds + 1, beam: self.id, candidates, dropped };
                let expansions = merge(earlier.into_iter().chain(expansions).collect());
                let command = match self.expand(allocation, ledger, &expansions) {
                    Some(command) => {
                        self.progress = Progress::Expanding(expansions);
                        Some(command)
                    }
                    None => self.submit(expansions, allocation, ledger),
                };
                ControlFlow::Continue([Command::Note(note)].into_iter().chain(command).collect())
            }
            (Progress::Scoring(asked, held), Event::Scored { judgements, usage, .. }) => {
                ledger.usage.reward.merge(usage);
                self.receive(asked, held, judgements, ledger)
            }
            (_, Event::Failed { failure, .. }) => ControlFlow::Break(StopReason::Failed(failure)),
            (progress, _) => {
                self.progress = progress;
                ControlFlow::Continue(Vec::new())
            }
        }
    }

    /// Asks for the rewards that the strategy wants; wants it none, the beam's round has ended.
    fn submit(
        &mut self,
        expansions: Vec<Expansion>,
        allocation: &dyn Allocation,
        ledger: &mut Ledger,
    ) -> Option<Command> {
        let judged: Vec<bool> = expansions.iter().map(|it| allocation.judges(it, &expansions)).collect();
        let (mut asked, mut held) = (Vec::new(), Vec::new());
        for (expansion, judged) in expansions.into_iter().zip(judged) {
            if judged { asked.push(expansion) } else { held.push(expansion) }
        }
        if asked.is_empty() {
            self.progress = Progress::Done(self.candidates_of(held, ledger));
            return None;
        }
        self.progress = Progress::Scoring(asked.clone(), held);
        Some(ledger.score(self.id, asked))
    }

    fn receive(
        &mut self,
        asked: Vec<Expansion>,
        held: Vec<Expansion>,
        judgements: Vec<Judgement>,
        ledger: &mut Ledger,
    ) -> ControlFlow<StopReason, Vec<Command>> {
        let (mut awarded, unread) = match award(asked, judgements) {
            Ok(awarded) => awarded,
            Err(failure) => return ControlFlow::Break(StopReason::Failed(failure)),
        };
        unread.iter().for_each(|it| ledger.dropped.add(DropKind::Length, it.count));
        awarded.extend(held);
        awarded.sort_by_key(|expansion| expansion.index);
        let candidates = self.candidates_of(awarded, ledger);
        let traces = candidates.iter().map(|it| it.trace(None, None)).collect();
        let note = Note::Scored { round: ledger.rounds + 1, beam: self.id, candidates: traces };
        self.progress = Progress::Done(candidates);
        ControlFlow::Continue(vec![Command::Note(note)])
    }

    fn candidates_of(&self, expansions: Vec<Expansion>, ledger: &Ledger) -> Vec<Candidate> {
        let settings = &ledger.settings;
        // What was dictated is no decision of an expansion; what was not judged before is.
        let own = self.answer.scored.max(ledger.dictated_steps);
        let candidate = |expansion: Expansion| {
            let own = own..expansion.answer.steps.len();
            let (aggregation, scope) = (settings.aggregation, settings.scope);
            let reward = aggregation.of_candidate(scope, &expansion.answer, &own, self.reward);
            let value = settings.blend(reward, &expansion.answer);
            Candidate { parent: self.id, lineage: self.lot.lineage, expansion, reward, value }
        };
        expansions.into_iter().map(candidate).collect()
    }
}
