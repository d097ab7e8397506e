//! What a search asks of the models. The gateway builds ports per search: prompt, seed, sampling
//! and pinned fingerprints live in them.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use toolbeam_search::{Answer, Continuation, Draw, Judgement, PolicyUsage, RewardUsage};

use crate::registry::SearchId;

/// Why a port could not answer; the strategy ends the search with it.
pub use toolbeam_search::Failure as PortError;

/// Asks for continuations of one partial answer.
#[derive(Debug, Clone)]
pub struct ExpandRequest {
    /// The search that asks.
    pub search: SearchId,
    /// The answer to continue.
    pub answer: Arc<Answer>,
    /// Index of the first draw, which keys its randomness with the others.
    pub first: u32,
    /// How many draws.
    pub expansions: u32,
    /// How to draw.
    pub draw: Draw,
    /// When the whole search must have ended.
    pub deadline: Option<Instant>,
}

/// The continuations.
#[derive(Debug, Clone)]
pub struct ExpandReply {
    /// Distinct continuations up to the end of the next step, in any order.
    pub continuations: Vec<Continuation>,
    /// What they cost.
    pub usage: PolicyUsage,
}

/// Asks for the rewards of the candidates' new steps.
#[derive(Debug, Clone)]
pub struct ScoreRequest {
    /// The search that asks.
    pub search: SearchId,
    /// The candidates, never empty: an answer, and the first of the steps whose rewards are wanted.
    /// The steps before it are context.
    pub candidates: Vec<(Arc<Answer>, usize)>,
    /// When the whole search must have ended.
    pub deadline: Option<Instant>,
}

/// The rewards.
#[derive(Debug, Clone)]
pub struct ScoreReply {
    /// One per candidate, of its wanted steps.
    pub judgements: Vec<Judgement>,
    /// What they cost.
    pub usage: RewardUsage,
}

/// Proposes continuations. Futures are dropped when nobody wants their answer any more.
pub trait PolicyPort: Send + Sync + 'static {
    /// Continues an answer. Called inside the engine's tokio runtime, on a thread that must not be
    /// blocked; the future is polled once there, and if it has to wait, goes on as a task of that runtime.
    fn expand(&self, request: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, PortError>>;
}

/// Judges steps. Futures are dropped when nobody wants their answer any more.
pub trait ScorerPort: Send + Sync + 'static {
    /// Finds rewards. Called as [`PolicyPort::expand`] is.
    fn score(&self, request: ScoreRequest) -> BoxFuture<'static, Result<ScoreReply, PortError>>;
}
