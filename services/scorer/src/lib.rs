//! The scorer service: judges the steps of answers with a process reward model.

mod config;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod request;
mod service;

pub use config::ScorerConfig;
pub use error::ScorerError;
pub use service::ScorerServer;
