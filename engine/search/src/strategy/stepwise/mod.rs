//! Search by steps: every beam is continued by one step, what that gives is judged, and some of it lives on.
//! Which draws, rewards and places there are is the strategy's [`Allocation`].

use std::ops::ControlFlow;
use std::sync::Arc;

use toolbeam_grammar::Step;

use crate::aggregation::ROOT_REWARD;
use crate::answer::Answer;
use crate::candidate::{Candidate, merge_and_rank};
use crate::command::{BeamId, Command};
use crate::event::Event;
use crate::ledger::Ledger;
use crate::note::{Fate, Note, RoundTrace};
use crate::outcome::StopReason;
use crate::settings::Settings;
use crate::strategy::Strategy;
use crate::strategy::completion::Completion;
use crate::strategy::stepwise::awarding::Awarding;
use crate::strategy::stepwise::beam::Beam;

mod allocation;
mod awarding;
mod beam;

pub(crate) use allocation::{Allocation, Lot, best};

/// See the module. What is retained continues under a new id.
#[derive(Debug)]
pub(crate) struct Stepwise<A> {
    ledger: Ledger,
    allocation: A,
    phase: Phase,
    next_beam: u32,
}

#[derive(Debug)]
enum Phase {
    /// Beams, best first.
    Searching(Vec<Beam>),
    /// The deadline is near.
    Completing(Completion),
    /// The answers are chosen and want their rewards.
    Awarding(Awarding),
    Ended,
}

/// What a round decides of a candidate.
#[derive(Debug)]
enum Verdict {
    /// It is complete.
    Ended(Fate),
    Lives(Lot),
    Pruned,
}

impl<A: Allocation> Stepwise<A> {
    pub(crate) fn new(settings: Settings, allocation: A) -> Stepwise<A> {
        Stepwise { ledger: Ledger::new(settings), allocation, phase: Phase::Ended, next_beam: 0 }
    }

    fn beam(&mut self, answer: Arc<Answer>, reward: f32, lot: Lot) -> Beam {
        Beam::new(self.name(), answer, reward, lot)
    }

    fn name(&mut self) -> BeamId {
        let id = BeamId(self.next_beam);
        self.next_beam += 1;
        id
    }

    fn close(&mut self, reason: StopReason) -> Vec<Command> {
        self.phase = Phase::Ended;
        vec![self.ledger.close(reason)]
    }

    /// Ends the search, after the rewards that are still wanted.
    fn finish(&mut self, reason: StopReason) -> Vec<Command> {
        if self.allocation.awards_last() {
            let beam = self.name();
            if let Some((awarding, command)) = Awarding::begin(beam, reason.clone(), &mut self.ledger) {
                self.phase = Phase::Awarding(awarding);
                return vec![command];
            }
        }
        self.close(reason)
    }

    fn while_searching(&mut self, mut beams: Vec<Beam>, event: Event) -> Vec<Command> {
        let answered = match &event {
            Event::Expanded { beam, .. } | Event::Scored { beam, .. } | Event::Failed { beam, .. } => {
                beams.iter_mut().find(|live| live.id == *beam)
            }
            Event::DeadlineNear => return self.deadline_near(beams),
            Event::DeadlineReached => {
                self.judge(beams);
                return self.close(StopReason::Deadline);
            }
            Event::Cancelled => return self.close(StopReason::Cancelled),
        };
        let advanced = answered.map(|beam| beam.advance(event, &self.allocation, &mut self.ledger));
        let commands = match advanced {
            Some(ControlFlow::Continue(commands)) => commands,
            Some(ControlFlow::Break(reason)) => return self.close(reason),
            None => Vec::new(),
        };
        if beams.iter().all(Beam::is_done) {
            return commands.into_iter().chain(self.end_round(beams)).collect();
        }
        self.phase = Phase::Searching(beams);
        commands
    }

    /// Prunes a round that is whole, and begins the next or ends the search.
    fn end_round(&mut self, beams: Vec<Beam>) -> Vec<Command> {
        self.ledger.rounds += 1;
        let parents = beams.iter().map(|beam| beam.id).collect();
        let judged = self.judge(beams);
        let stop = self.reason_to_stop(&judged);
        let mut survivors = Vec::new();
        let mut traces = Vec::with_capacity(judged.len());
        for (candidate, verdict) in &judged {
            let (beam, fate) = match verdict {
                Verdict::Ended(fate) => (None, *fate),
                Verdict::Lives(lot) if stop.is_none() => {
                    let answer = Arc::clone(&candidate.expansion.answer);
                    let survivor = self.beam(answer, candidate.reward, *lot);
                    let id = survivor.id;
                    survivors.push(survivor);
                    (Some(id), Fate::Retained)
                }
                Verdict::Lives(_) | Verdict::Pruned => (None, Fate::Pruned),
            };
            traces.push(candidate.trace(beam, Some(fate)));
        }
        let round = self.ledger.rounds;
        let pruned = Note::Pruned(RoundTrace { round, candidates: traces });
        let mut commands = vec![Command::Note(pruned)];
        if let Some(reason) = stop {
            commands.extend(self.finish(reason));
            return commands;
        }
        commands.extend(self.commit(&survivors));
        commands.push(Command::Prune { beams: parents });
        let (allocation, ledger) = (&self.allocation, &mut self.ledger);
        commands.extend(survivors.iter_mut().filter_map(|it| it.expand(allocation, ledger, &[])));
        self.phase = Phase::Searching(survivors);
        commands
    }

    /// Merges and ranks the candidates of all beams, sends the complete to the pool, and says who lives on.
    /// Best first.
    fn judge(&mut self, beams: Vec<Beam>) -> Vec<(Candidate, Verdict)> {
        let candidates = beams.into_iter().flat_map(Beam::into_candidates).collect();
        let mut ranked = Vec::new();
        for candidate in merge_and_rank(candidates) {
            let Candidate { expansion, .. } = &candidate;
            let fate = expansion.answer.is_complete().then(|| {
                let admitted = self.ledger.offer(&expansion.answer, expansion.count);
                if admitted { Fate::Finished } else { Fate::SchemaInvalid }
            });
            ranked.push((candidate, fate));
        }
        let lots = self.allocation.retain(&self.ledger.settings, &ranked);
        let lots = lots.into_iter().chain(std::iter::repeat(None));
        let verdict = |((candidate, fate), lot): ((Candidate, Option<Fate>), Option<Lot>)| match (fate, lot) {
            (Some(fate), _) => (candidate, Verdict::Ended(fate)),
            (None, Some(lot)) => (candidate, Verdict::Lives(lot)),
            (None, None) => (candidate, Verdict::Pruned),
        };
        ranked.into_iter().zip(lots).map(verdict).collect()
    }

    fn reason_to_stop(&self, judged: &[(Candidate, Verdict)]) -> Option<StopReason> {
        let full = self.ledger.pool.len() >= self.allocation.enough(&self.ledger.settings);
        let alive = judged.iter().any(|(_, verdict)| matches!(verdict, Verdict::Lives(_)));
        if full || !alive {
            return Some(StopReason::Finished);
        }
        let bounded =
            |reason: &StopReason| *reason != StopReason::MaxRounds || self.allocation.counts_rounds();
        self.ledger.exhausted().filter(bounded)
    }

    /// Tells the steps on which everything that may still be returned agrees, if there are new
    /// ones. What descends from beams that agree agrees as well, so none is ever taken back.
    fn commit(&mut self, survivors: &[Beam]) -> Option<Command> {
        let mut answers =
            survivors.iter().map(|beam| beam.answer.steps.as_slice()).chain(self.ledger.pool.steps());
        let first: &[Step] = answers.next()?;
        let agreed = answers.fold(first.len(), |agreed, steps| {
            first.iter().zip(steps).take(agreed).take_while(|(a, b)| a == b).count()
        });
        let agreed = first[..agreed].to_vec();
        self.ledger.commit(&agreed)
    }

    /// Stops branching. What this round has already shown counts: an answer in the pool ends the
    /// search, and the best scored candidate, or else the best beam, is completed greedily.
    fn deadline_near(&mut self, beams: Vec<Beam>) -> Vec<Command> {
        let parents: Vec<BeamId> = beams.iter().map(|beam| beam.id).collect();
        let best_beam = beams.iter().find(|beam| !beam.is_done()).map(|beam| Arc::clone(&beam.answer));
        let judged = self.judge(beams);
        let best_candidate = judged
            .into_iter()
            .find(|(_, verdict)| matches!(verdict, Verdict::Lives(_)))
            .map(|(candidate, _)| candidate.expansion.answer);
        match best_candidate.or(best_beam) {
            Some(answer) if self.ledger.pool.is_empty() => {
                let beam = self.name();
                let (completion, command) = Completion::begin(beam, answer, &mut self.ledger);
                self.phase = Phase::Completing(completion);
                vec![Command::Prune { beams: parents }, command]
            }
            _ if self.allocation.awards_last() => {
                let last = self.finish(StopReason::Deadline);
                [Command::Prune { beams: parents }].into_iter().chain(last).collect()
            }
            _ => self.close(StopReason::Deadline),
        }
    }

    fn while_completing(&mut self, mut completion: Completion, event: Event) -> Vec<Command> {
        match completion.on_event(event, &mut self.ledger) {
            ControlFlow::Continue(commands) => {
                self.phase = Phase::Completing(completion);
                commands
            }
            ControlFlow::Break(reason) => self.close(match reason {
                StopReason::Failed(_) | StopReason::Cancelled => reason,
                // However the completion ended, it was the deadline that ended the search.
                StopReason::Finished
                | StopReason::NoValidAnswer
                | StopReason::Deadline
                | StopReason::MaxRounds
                | StopReason::MaxPolicyTokens
                | StopReason::MaxRewardTokens => StopReason::Deadline,
            }),
        }
    }

    fn while_awarding(&mut self, mut awarding: Awarding, event: Event) -> Vec<Command> {
        match awarding.on_event(event, &mut self.ledger) {
            ControlFlow::Continue(()) => {
                self.phase = Phase::Awarding(awarding);
                Vec::new()
            }
            ControlFlow::Break(reason) => self.close(reason),
        }
    }
}

impl<A: Allocation> Strategy for Stepwise<A> {
    fn start(&mut self) -> Vec<Command> {
        let root = Arc::new(self.ledger.settings.root());
        let lot = Lot { lineage: 0, draws: self.allocation.root(&self.ledger.settings) };
        let mut root = self.beam(root, ROOT_REWARD, lot);
        let command = root.expand(&self.allocation, &mut self.ledger, &[]);
        self.phase = Phase::Searching(vec![root]);
        command.into_iter().collect()
    }

    fn on_event(&mut self, event: Event) -> Vec<Command> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Searching(beams) => self.while_searching(beams, event),
            Phase::Completing(completion) => self.while_completing(completion, event),
            Phase::Awarding(awarding) => self.while_awarding(awarding, event),
            Phase::Ended => Vec::new(),
        }
    }
}
