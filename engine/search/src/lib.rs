//! Search strategies as deterministic machines.
//!
//! A [`Strategy`] is fed [`Event`]s and answers with [`Command`]s. It knows no clock, no runtime
//! and no model, so that every pruning decision can be tested as data. Whoever interprets the
//! commands (`toolbeam-actors`) asks a policy for continuations, turns them into candidates with
//! [`expand`], asks a reward model, and feeds the replies back in whatever order they arrive: a
//! strategy consumes a round in index order.
//!
//! [`Rules`] say which calls an answer may make. They are kept to in one place, [`expand`], and by
//! the answer that a search begins with.
//!
//! At the centre is the paper's fine-grained beam search (arXiv 2510.14703, section 3.4): explore
//! more, retain less. The strategies beside it differ in who is drawn, judged and retained, and are one
//! machine by steps with an allocation each.

mod aggregation;
mod answer;
mod candidate;
mod command;
mod dropped;
mod event;
mod expansion;
mod failure;
mod ledger;
mod note;
mod outcome;
mod pool;
mod rules;
mod settings;
mod strategy;
mod usage;

pub use aggregation::{Aggregation, Scope};
pub use answer::Answer;
pub use command::{BeamId, Command, Draw};
pub use dropped::{DropKind, Dropped};
pub use event::{Event, Judgement};
pub use expansion::{Continuation, Expansion, Finish, expand};
pub use failure::Failure;
pub use note::{CandidateTrace, Fate, Note, RoundTrace};
pub use outcome::{FinishedAnswer, Outcome, StopReason};
pub use rules::{Rules, ToolChoice};
pub use settings::{Limits, MAX_BEAMS, MAX_EXPANSIONS, MAX_SAMPLES, Settings, SettingsError, StrategyKind};
pub use strategy::{Strategy, strategy};
pub use usage::{PolicyUsage, RewardUsage, Usage};
