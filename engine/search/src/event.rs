//! What a strategy is told.

use crate::command::BeamId;
use crate::dropped::Dropped;
use crate::expansion::Expansion;
use crate::failure::Failure;
use crate::usage::{PolicyUsage, RewardUsage};

/// What a reward model says of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// One entry per new step, `None` where the reward model has no such marker.
    Rewards(Vec<Option<f32>>),
    /// The candidate does not fit the reward model's context. It is dropped, as what exceeds the policy's is.
    OverContext,
}

/// What a strategy is told. Events about beams that are gone are ignored.
#[derive(Debug, Clone)]
pub enum Event {
    /// The reply to `Expand`.
    Expanded {
        /// The beam.
        beam: BeamId,
        /// Its distinct expansions, as [`expand`](crate::expand) gives them.
        expansions: Vec<Expansion>,
        /// What was dropped on the way.
        dropped: Dropped,
        /// What it cost.
        usage: PolicyUsage,
    },
    /// The reply to `Score`.
    Scored {
        /// The beam.
        beam: BeamId,
        /// One per candidate, in the command's order.
        judgements: Vec<Judgement>,
        /// What it cost.
        usage: RewardUsage,
    },
    /// A beam's work failed. Ends the search.
    Failed {
        /// The beam.
        beam: BeamId,
        /// Why.
        failure: Failure,
    },
    /// Only the reserve is left: stop branching.
    DeadlineNear,
    /// Nothing is left: end with what is complete.
    DeadlineReached,
    /// Nobody wants the answer any more.
    Cancelled,
}
