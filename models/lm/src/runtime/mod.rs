//! The device's thread and what callers see of it.

mod batch;
mod census;
mod distinct;
mod generate;
mod handle;
mod job;
mod meters;
mod parts;
mod passes;
mod places;
mod read;
mod resident;
mod room;
mod row;
mod rows;
mod tally;
mod thread;
mod turns;

pub use census::Census;
pub use generate::{Continuation, Finish, GenerateEvent, GenerateRequest, GenerateUsage, Verdict, Watch};
pub use handle::{ModelHandle, ModelInfo, Runtime, RuntimeConfig};
pub use read::{LogitsAt, ReadReply, ReadRequest, ReadSequence, ReadUsage};
