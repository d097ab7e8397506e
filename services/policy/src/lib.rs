//! The policy service: proposes the next piece of an answer.
//!
//! It renders prompts, follows every continuation with the answer grammar and ends it at the next
//! step boundary. Batching and sampling are the runtime's work.

mod config;
mod constraint;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod layout;
mod repetition;
mod request;
mod service;
mod vocabulary;
mod watch;

pub use config::PolicyConfig;
pub use error::PolicyError;
pub use layout::answer_layout;
pub use service::PolicyServer;
