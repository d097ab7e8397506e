//! Fine-grained beam search (paper section 3.4): every beam is continued M times by one step, the
//! distinct candidates are scored, and the best N over all beams live on.

use std::ops::ControlFlow;
use std::sync::Arc;

use toolbeam_grammar::Step;

use crate::aggregation::ROOT_REWARD;
use crate::answer::Answer;
use crate::candidate::{Candidate, merge_and_rank};
use crate::command::{BeamId, Command, Draw};
use crate::dropped::DropKind;
use crate::event::Event;
use crate::expansion::Expansion;
use crate::ledger::{Ledger, award};
use crate::note::{Fate, Note, RoundTrace};
use crate::outcome::StopReason;
use crate::settings::Settings;
use crate::strategy::Strategy;
use crate::strategy::completion::Completion;

/// See the module. Beams live for one round: what is retained continues under a new id.
#[derive(Debug)]
pub(crate) struct FineGrainedBeam {
    ledger: Ledger,
    phase: Phase,
    next_beam: u32,
}

#[derive(Debug)]
enum Phase {
    /// Beams, best first.
    Searching(Vec<Beam>),
    /// The deadline is near.
    Completing(Completion),
    Ended,
}

#[derive(Debug)]
struct Beam {
    id: BeamId,
    answer: Arc<Answer>,
    /// What pruning retained it for.
    reward: f32,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    Expanding,
    Scoring(Vec<Expansion>),
    Done(Vec<Candidate>),
}

impl FineGrainedBeam {
    pub(crate) fn new(settings: Settings) -> FineGrainedBeam {
        FineGrainedBeam { ledger: Ledger::new(settings), phase: Phase::Ended, next_beam: 0 }
    }

    fn beam(&mut self, answer: Arc<Answer>, reward: f32) -> Beam {
        let id = BeamId(self.next_beam);
        self.next_beam += 1;
        Beam { id, answer, reward, progress: Progress::Expanding }
    }

    fn finish(&mut self, reason: StopReason) -> Vec<Command> {
        self.phase = Phase::Ended;
        vec![self.ledger.close(reason)]
    }

    fn while_searching(&mut self, mut beams: Vec<Beam>, event: Event) -> Vec<Command> {
        let answered = match &event {
            Event::Expanded { beam, .. } | Event::Scored { beam, .. } | Event::Failed { beam, .. } => {
                beams.iter_mut().find(|live| live.id == *beam)
            }
            Event::DeadlineNear => return self.deadline_near(beams),
            Event::DeadlineReached => {
                self.judge(beams);
                return self.finish(StopReason::Deadline);
            }
            Event::Cancelled => return self.finish(StopReason::Cancelled),
        };
        let commands = match answered.map(|beam| self.advance(beam, event)) {
            Some(ControlFlow::Continue(commands)) => commands,
            Some(ControlFlow::Break(reason)) => return self.finish(reason),
            None => Vec::new(),
        };
        if beams.iter().all(|beam| matches!(beam.progress, Progress::Done(_))) {
            return commands.into_iter().chain(self.end_round(beams)).collect();
        }
        self.phase = Phase::Searching(beams);
        commands
    }

    /// Carries one beam on by one reply. A reply that it does not wait for is ignored.
    fn advance(&mut self, beam: &mut Beam, event: Event) -> ControlFlow<StopReason, Vec<Command>> {
        let round = self.ledger.rounds + 1;
        match (std::mem::replace(&mut beam.progress, Progress::Expanding), event) {
            (Progress::Expanding, Event::Expanded { expansions, dropped, usage, .. }) => {
                self.ledger.usage.policy.merge(usage);
                self.ledger.dropped.merge(dropped);
                let candidates = u32::try_from(expansions.len()).unwrap_or(u32::MAX);
                let note = Note::Expanded { round, beam: beam.id, candidates, dropped };
                let mut commands = vec![Command::Note(note)];
                if expansions.is_empty() {
                    beam.progress = Progress::Done(Vec::new());
                } else {
                    commands.push(self.ledger.score(beam.id, expansions.clone()));
                    beam.progress = Progress::Scoring(expansions);
                }
                ControlFlow::Continue(commands)
            }
            (Progress::Scoring(expansions), Event::Scored { judgements, usage, .. }) => {
                self.ledger.usage.reward.merge(usage);
                let (awarded, unread) = match award(expansions, judgements) {
                    Ok(awarded) => awarded,
                    Err(failure) => return ControlFlow::Break(StopReason::Failed(failure)),
                };
                unread.iter().for_each(|it| self.ledger.dropped.add(DropKind::Length, it.count));
                let candidates = self.candidates_of(beam, awarded);
                let traces = candidates.iter().map(|it| it.trace(None, None)).collect();
                let note = Note::Scored { round, beam: beam.id, candidates: traces };
                beam.progress = Progress::Done(candidates);
                ControlFlow::Continue(vec![Command::Note(note)])
            }
            (_, Event::Failed { failure, .. }) => ControlFlow::Break(StopReason::Failed(failure)),
            (progress, _) => {
                beam.progress = progress;
                ControlFlow::Continue(Vec::new())
            }
        }
    }

    fn candidates_of(&self, beam: &Beam, expansions: Vec<Expansion>) -> Vec<Candidate> {
        let Settings { aggregation, scope, .. } = self.ledger.settings;
        let candidate = |expansion: Expansion| {
            // What was dictated is no decision of the expansion.
            let own = beam.answer.steps.len()..expansion.answer.steps.len();
            let reward = aggregation.of_candidate(scope, &expansion.answer, &own, beam.reward);
            Candidate { parent: beam.id, expansion, reward }
        };
        expansions.into_iter().map(candidate).collect()
    }

    /// Prunes a round that is whole, and begins the next or ends the search.
    fn end_round(&mut self, beams: Vec<Beam>) -> Vec<Command> {
        self.ledger.rounds += 1;
        let parents = beams.iter().map(|beam| beam.id).collect();
        let mut judged = self.judge(beams);
        let stop = self.reason_to_stop(&judged);
        let mut survivors = Vec::new();
        let mut traces = Vec::with_capacity(judged.len());
        for (candidate, fate) in &mut judged {
            let mut beam = None;
            if *fate == Fate::Retained {
                if stop.is_some() {
                    *fate = Fate::Pruned;
                } else {
                    let survivor = self.beam(Arc::clone(&candidate.expansion.answer), candidate.reward);
                    beam = Some(survivor.id);
                    survivors.push(survivor);
                }
            }
            traces.push(candidate.trace(beam, Some(*fate)));
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
        let expansions = self.ledger.settings.expansions_per_beam;
        for survivor in &survivors {
            let command = self.ledger.expand(survivor.id, &survivor.answer, expansions, Draw::Sample);
            commands.push(command);
        }
        self.phase = Phase::Searching(survivors);
        commands
    }

    /// Merges and ranks the candidates of all beams, sends the finished to the pool, and says who
    /// is retained. Best first.
    fn judge(&mut self, beams: Vec<Beam>) -> Vec<(Candidate, Fate)> {
        let candidates = beams
            .into_iter()
            .flat_map(|beam| match beam.progress {
                Progress::Done(candidates) => candidates,
                Progress::Expanding | Progress::Scoring(_) => Vec::new(),
            })
            .collect();
        let mut free_slots = self.ledger.settings.num_beams;
        let mut judged = Vec::new();
        for candidate in merge_and_rank(candidates) {
            let Expansion { answer, count, .. } = &candidate.expansion;
            let fate = if answer.is_complete() {
                if self.ledger.offer(answer, *count) { Fate::Finished } else { Fate::SchemaInvalid }
            } else if free_slots > 0 {
                free_slots -= 1;
                Fate::Retained
            } else {
                Fate::Pruned
            };
            judged.push((candidate, fate));
        }
        judged
    }

    fn reason_to_stop(&self, judged: &[(Candidate, Fate)]) -> Option<StopReason> {
        let full = self.ledger.pool.len() >= self.ledger.settings.num_beams as usize;
        let alive = judged.iter().any(|(_, fate)| *fate == Fate::Retained);
        if full || !alive { Some(StopReason::Finished) } else { self.ledger.exhausted() }
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
        let best_beam = beams
            .iter()
            .find(|beam| !matches!(beam.progress, Progress::Done(_)))
            .map(|beam| Arc::clone(&beam.answer));
        let judged = self.judge(beams);
        let best_candidate = judged
            .into_iter()
            .find(|(_, fate)| *fate == Fate::Retained)
            .map(|(candidate, _)| candidate.expansion.answer);
        match best_candidate.or(best_beam) {
            Some(answer) if self.ledger.pool.is_empty() => {
                let survivor = self.beam(answer, ROOT_REWARD);
                let (completion, command) = Completion::begin(survivor.id, survivor.answer, &mut self.ledger);
                self.phase = Phase::Completing(completion);
                vec![Command::Prune { beams: parents }, command]
            }
            _ => self.finish(StopReason::Deadline),
        }
    }

    fn while_completing(&mut self, mut completion: Completion, event: Event) -> Vec<Command> {
        match completion.on_event(event, &mut self.ledger) {
            ControlFlow::Continue(commands) => {
                self.phase = Phase::Completing(completion);
                commands
            }
            ControlFlow::Break(reason) => self.finish(match reason {
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
}

impl Strategy for FineGrainedBeam {
    fn start(&mut self) -> Vec<Command> {
        let Settings { num_beams, expansions_per_beam, .. } = self.ledger.settings;
        let root = self.beam(Arc::new(self.ledger.settings.root()), ROOT_REWARD);
        let expansions = num_beams.saturating_mul(expansions_per_beam);
        let command = self.ledger.expand(root.id, &root.answer, expansions, Draw::Sample);
        self.phase = Phase::Searching(vec![root]);
        vec![command]
    }

    fn on_event(&mut self, event: Event) -> Vec<Command> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Searching(beams) => self.while_searching(beams, event),
            Phase::Completing(completion) => self.while_completing(completion, event),
            Phase::Ended => Vec::new(),
        }
    }
}
