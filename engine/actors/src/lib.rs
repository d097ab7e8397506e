//! The actors that run a search. The only crate that knows actix.
//!
//! A [`SearchEngine`] owns an actix system with a few arbiters. Every search has a coordinator,
//! pinned to one arbiter, which interprets the commands of its strategy, and for each live beam a
//! beam node on the same arbiter. Beam nodes reach the models through [`PolicyPort`] and
//! [`ScorerPort`], whose futures run on the tokio runtime that the engine was given.
//!
//! What holds: work is sent and awaited, never posted blindly; a panic in a port, a beam node or a
//! coordinator ends one search with a typed error and leaves nothing behind; nobody's waiting is
//! unbounded if a deadline is given.

mod admission;
mod beam_node;
mod census;
mod coordinator;
mod engine;
mod error;
mod handle;
mod port;
mod reach;
mod registry;
mod watcher;

pub use admission::Admission;
pub use census::Census;
pub use engine::{EngineConfig, SearchEngine, SearchSpec};
pub use error::EngineError;
pub use handle::{Ending, SearchHandle};
pub use port::{ExpandReply, ExpandRequest, PolicyPort, PortError, ScoreReply, ScoreRequest, ScorerPort};
pub use registry::{Counters, SearchId};
