//! How a search ended.

use std::sync::Arc;

use toolbeam_grammar::Call;

use crate::answer::Answer;
use crate::dropped::Dropped;
use crate::failure::Failure;
use crate::usage::Usage;

/// A complete, valid answer.
#[derive(Debug, Clone)]
pub struct FinishedAnswer {
    /// The calls in generated order. Empty means that no call fits.
    pub calls: Vec<Call>,
    /// The steps with their rewards, the text and the log-probability.
    pub answer: Arc<Answer>,
    /// The reward at `<TOTAL_FINISH>`. `None` if there was no time to score.
    pub reward: Option<f32>,
    /// How many expansions ended in exactly these decisions; by majority, how many made these calls.
    pub count: u32,
    /// By majority: the share of all samples that made these calls, those that came to nothing included.
    pub vote_share: Option<f32>,
}

/// Why a search stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// No beam lives, or the pool holds `num_beams` answers.
    Finished,
    /// The search ran to its end, or to one of its limits, without a complete, valid answer.
    NoValidAnswer,
    /// The deadline came near; there may be no answer.
    Deadline,
    /// `max_rounds` was reached.
    MaxRounds,
    /// `max_policy_tokens` was reached.
    MaxPolicyTokens,
    /// `max_reward_tokens` was reached.
    MaxRewardTokens,
    /// Nobody wanted the answer any more.
    Cancelled,
    /// A port failed.
    Failed(Failure),
}

/// How a search ended and what it found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answers, best first, at most `num_answers`. Those found before a cancellation or a
    /// failure are here as well.
    pub answers: Vec<FinishedAnswer>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// What it spent.
    pub usage: Usage,
    /// Expansions that were dropped.
    pub dropped: Dropped,
    /// Rounds that were consumed whole.
    pub rounds: u32,
}
