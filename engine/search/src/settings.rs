//! How to search.

use std::sync::Arc;

use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::ToolSet;

use crate::aggregation::{Aggregation, Scope};
use crate::answer::Answer;
use crate::rules::Rules;

/// The largest `num_beams`.
pub const MAX_BEAMS: u32 = 64;

/// The largest `expansions_per_beam`.
pub const MAX_EXPANSIONS: u32 = 256;

/// Which strategy searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyKind {
    /// The most probable token, always; rewards are reported, not used.
    Greedy,
    /// Fine-grained beam search (paper section 3.4).
    FineGrainedBeam,
}

/// What a search may spend. A limit is checked between rounds: the round that crosses it still
/// counts, and none begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rounds. At least 1.
    pub max_rounds: u32,
    /// Tokens decoded by the policy ([`PolicyUsage::decode_tokens`](crate::PolicyUsage)). At least
    /// 1.
    pub max_policy_tokens: u64,
    /// Tokens computed by the reward model, the prompt left out
    /// ([`RewardUsage::answer_tokens`](crate::RewardUsage)). At least 1.
    pub max_reward_tokens: u64,
}

/// A strategy and everything it needs to decide.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which strategy.
    pub strategy: StrategyKind,
    /// The paper's N, 1 to [`MAX_BEAMS`]: how many partial answers are retained, and how many
    /// finished ones end the search. Greedy has one beam whatever this says.
    pub num_beams: u32,
    /// The paper's M, 1 to [`MAX_EXPANSIONS`]: how often each beam is continued; the root gets
    /// N x M. Greedy has one.
    pub expansions_per_beam: u32,
    /// How the rewards of several markers become one.
    pub aggregation: Aggregation,
    /// Which markers count.
    pub scope: Scope,
    /// How many answers are returned at most. At least 1.
    pub num_answers: u32,
    /// What may be spent.
    pub limits: Limits,
    /// How the policy writes answers.
    pub layout: Layout,
    /// Which calls an answer may make.
    pub rules: Arc<Rules>,
    /// What calls must satisfy. `None`: every well-formed answer counts.
    pub tools: Option<Arc<ToolSet>>,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number outside its range.
    #[error("{field} is {value}: give a number from {least} to {most}")]
    OutOfRange {
        /// The field of [`Settings`].
        field: &'static str,
        /// What it was.
        value: u64,
        /// The smallest allowed.
        least: u64,
        /// The largest allowed.
        most: u64,
    },
}

impl Settings {
    /// The answer that every search under these settings begins with.
    pub(crate) fn root(&self) -> Answer {
        Answer::root(self.layout, Arc::clone(&self.rules))
    }

    /// Refuses settings with which no search can run.
    ///
    /// # Errors
    /// Names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let check = |field, value: u64, most: u64| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(SettingsError::OutOfRange { field, value, least: 1, most })
            }
        };
        check("num_beams", self.num_beams.into(), MAX_BEAMS.into())?;
        check("expansions_per_beam", self.expansions_per_beam.into(), MAX_EXPANSIONS.into())?;
        check("num_answers", self.num_answers.into(), u32::MAX.into())?;
        check("limits.max_rounds", self.limits.max_rounds.into(), u32::MAX.into())?;
        check("limits.max_policy_tokens", self.limits.max_policy_tokens, u64::MAX)?;
        check("limits.max_reward_tokens", self.limits.max_reward_tokens, u64::MAX)
    }
}
