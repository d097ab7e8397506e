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

/// The most whole answers that a search samples: each that differs is a beam until it is complete.
pub const MAX_SAMPLES: u32 = 1024;

/// Which strategy searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrategyKind {
    /// The most probable token, always; rewards are reported, not used.
    Greedy,
    /// The calls that most of N x M sampled answers make; rewards are reported, not used.
    Majority,
    /// Of N x M sampled answers the one whose `<TOTAL_FINISH>` is judged best.
    BestOfN,
    /// Token-level beam search by log-probability; rewards are reported, not used.
    TokenBeam,
    /// Fine-grained beam search (paper section 3.4).
    FineGrainedBeam,
    /// Fine-grained beam search in subtrees that do not compete.
    DiverseBeam,
    /// Fine-grained beam search that spends by disagreement and doubt.
    Adaptive,
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
    /// finished ones end the search. Greedy has one beam whatever this says, and what samples whole answers
    /// retains all.
    pub num_beams: u32,
    /// The paper's M, 1 to [`MAX_EXPANSIONS`]: how often each beam is continued; the root gets
    /// N x M. Greedy has one.
    pub expansions_per_beam: u32,
    /// How much of what candidates and answers are ranked by is the policy's own opinion, 0 to 1: the mean
    /// probability of an answer's tokens (geometric), beside its reward. Majority has votes alone.
    pub log_probability_weight: f32,
    /// [`Adaptive`](StrategyKind::Adaptive): draws that a beam makes first, and wants for every distinct
    /// decision that they give. 1 to [`MAX_EXPANSIONS`].
    pub probe_expansions: u32,
    /// [`Adaptive`](StrategyKind::Adaptive): how far behind the best a candidate may be and live on. 0 to 1.
    pub reward_margin: f32,
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

/// Four beams of four expansions, the smallest reward of each; one answer; no limits, rules or tools.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            strategy: StrategyKind::FineGrainedBeam,
            num_beams: 4,
            expansions_per_beam: 4,
            log_probability_weight: 0.0,
            probe_expansions: 4,
            reward_margin: 0.1,
            aggregation: Aggregation::Min,
            scope: Scope::Expansion,
            num_answers: 1,
            limits: Limits { max_rounds: u32::MAX, max_policy_tokens: u64::MAX, max_reward_tokens: u64::MAX },
            layout: Layout::JsonList,
            rules: Arc::default(),
            tools: None,
        }
    }
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
    /// A share that is none.
    #[error("{field} is {value}: give a number from 0 to 1")]
    NoShare {
        /// The field of [`Settings`].
        field: &'static str,
        /// What it was, as text.
        value: String,
    },
}

impl Settings {
    /// The answer that every search under these settings begins with.
    pub(crate) fn root(&self) -> Answer {
        Answer::root(self.layout, Arc::clone(&self.rules))
    }

    /// N x M: the draws that the root gets, or whole answers.
    pub fn samples(&self) -> u32 {
        self.num_beams.saturating_mul(self.expansions_per_beam)
    }

    /// What an answer, complete or not, with this reward is ranked by.
    pub(crate) fn blend(&self, reward: f32, answer: &Answer) -> f32 {
        let weight = self.log_probability_weight;
        if weight == 0.0 {
            return reward;
        }
        let tokens = answer.token_ids.len().max(1) as f64;
        reward * (1.0 - weight) + weight * (answer.log_probability / tokens).exp() as f32
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
        check("probe_expansions", self.probe_expansions.into(), MAX_EXPANSIONS.into())?;
        if matches!(self.strategy, StrategyKind::Majority | StrategyKind::BestOfN) {
            check("num_beams x expansions_per_beam", self.samples().into(), MAX_SAMPLES.into())?;
        }
        let share = |field, value: f32| {
            let fits = (0.0..=1.0).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingsError::NoShare { field, value: value.to_string() })
        };
        share("log_probability_weight", self.log_probability_weight)?;
        share("reward_margin", self.reward_margin)?;
        check("num_answers", self.num_answers.into(), u32::MAX.into())?;
        check("limits.max_rounds", self.limits.max_rounds.into(), u32::MAX.into())?;
        check("limits.max_policy_tokens", self.limits.max_policy_tokens, u64::MAX)?;
        check("limits.max_reward_tokens", self.limits.max_reward_tokens, u64::MAX)
    }
}
