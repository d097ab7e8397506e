//! What every strategy keeps count of, and how it closes.

use toolbeam_grammar::Step;

use crate::answer::Answer;
use crate::command::{BeamId, Command, Draw};
use crate::dropped::{DropKind, Dropped};
use crate::event::Judgement;
use crate::expansion::Expansion;
use crate::failure::Failure;
use crate::note::Note;
use crate::outcome::{Outcome, StopReason};
use crate::pool::Pool;
use crate::settings::Settings;
use crate::usage::Usage;
use std::sync::Arc;

/// The settings, the pool and the counts of one search.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) usage: Usage,
    pub(crate) dropped: Dropped,
    /// Rounds consumed whole.
    pub(crate) rounds: u32,
    /// Steps that every answer has because the rules dictate them.
    pub(crate) dictated_steps: usize,
    /// How many steps were told to be committed.
    committed: usize,
}

impl Ledger {
    pub(crate) fn new(settings: Settings) -> Ledger {
        let pool = Pool::new(&settings);
        let (usage, dropped) = (Usage::default(), Dropped::default());
        let dictated_steps = settings.root().steps.len();
        Ledger { settings, pool, usage, dropped, rounds: 0, dictated_steps, committed: 0 }
    }

    /// Asks for an expansion, counting it.
    pub(crate) fn expand(
        &mut self,
        beam: BeamId,
        answer: &Arc<Answer>,
        first: u32,
        expansions: u32,
        draw: Draw,
    ) -> Command {
        self.usage.expansions += u64::from(expansions);
        Command::Expand { beam, answer: Arc::clone(answer), first, expansions, draw }
    }

    /// Asks for rewards, counting the candidates.
    pub(crate) fn score(&mut self, beam: BeamId, candidates: Vec<Expansion>) -> Command {
        self.usage.candidates += candidates.len() as u64;
        Command::Score { beam, candidates }
    }

    /// Puts a complete answer into the pool, or counts it as dropped; false if dropped.
    pub(crate) fn offer(&mut self, answer: &Arc<Answer>, count: u32) -> bool {
        let admitted = self.pool.offer(Arc::clone(answer), count);
        if !admitted {
            self.dropped.add(DropKind::SchemaInvalid, count);
        }
        admitted
    }

    /// The answers that would be returned now, best first.
    pub(crate) fn choose(&self) -> Vec<Arc<Answer>> {
        self.pool.best(self.settings.num_answers).map(|finished| Arc::clone(&finished.answer)).collect()
    }

    /// Tells the steps of `agreed` that were not told before, if there are any. Whatever the search
    /// may still return begins with `agreed`.
    pub(crate) fn commit(&mut self, agreed: &[Step]) -> Option<Command> {
        let steps = agreed.get(self.committed..).filter(|steps| !steps.is_empty())?.to_vec();
        let first_step = std::mem::replace(&mut self.committed, agreed.len());
        Some(Command::Note(Note::Committed { round: self.rounds, first_step, steps }))
    }

    /// The limit that is used up, if one is.
    pub(crate) fn exhausted(&self) -> Option<StopReason> {
        let limits = &self.settings.limits;
        if self.rounds >= limits.max_rounds {
            Some(StopReason::MaxRounds)
        } else if self.usage.policy.decode_tokens >= limits.max_policy_tokens {
            Some(StopReason::MaxPolicyTokens)
        } else if self.usage.reward.answer_tokens >= limits.max_reward_tokens {
            Some(StopReason::MaxRewardTokens)
        } else {
            None
        }
    }

    /// Ends the search. Without an answer, an end that would have returned one says so.
    pub(crate) fn close(&mut self, reason: StopReason) -> Command {
        let answers = self.pool.best(self.settings.num_answers).cloned().collect::<Vec<_>>();
        let stop_reason = match reason {
            StopReason::Finished
            | StopReason::NoValidAnswer
            | StopReason::MaxRounds
            | StopReason::MaxPolicyTokens
            | StopReason::MaxRewardTokens
                if answers.is_empty() =>
            {
                StopReason::NoValidAnswer
            }
            reason => reason,
        };
        Command::Finish(Outcome {
            answers,
            stop_reason,
            usage: self.usage,
            dropped: self.dropped,
            rounds: self.rounds,
        })
    }
}

/// Writes a reply's rewards into the candidates that were asked about. Those that the reward model could
/// not read stay without, and are the second list.
///
/// # Errors
/// If the reply does not fit: other numbers of candidates or steps, or a reward that is no number.
pub(crate) fn award(
    candidates: Vec<Expansion>,
    judgements: Vec<Judgement>,
) -> Result<(Vec<Expansion>, Vec<Expansion>), Failure> {
    if judgements.len() != candidates.len() {
        return Err(Failure::Internal(format!(
            "the scorer judged {} candidates of {}",
            judgements.len(),
            candidates.len()
        )));
    }
    let (mut awarded, mut unread) = (Vec::with_capacity(candidates.len()), Vec::new());
    for (mut candidate, judgement) in candidates.into_iter().zip(judgements) {
        let Judgement::Rewards(rewards) = judgement else {
            unread.push(candidate);
            continue;
        };
        if rewards.len() != candidate.new_steps.len() {
            return Err(Failure::Internal(format!(
                "the scorer gave {} rewards for {} steps",
                rewards.len(),
                candidate.new_steps.len()
            )));
        }
        if let Some(reward) = rewards.iter().flatten().find(|reward| !reward.is_finite()) {
            return Err(Failure::Internal(format!("the scorer gave the reward {reward}")));
        }
        let answer = Arc::make_mut(&mut candidate.answer);
        answer.rewards[candidate.new_steps.clone()].copy_from_slice(&rewards);
        answer.scored = candidate.new_steps.end;
        awarded.push(candidate);
    }
    Ok((awarded, unread))
}
