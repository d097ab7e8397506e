//! The search service: validates a request, runs the search on the engine, and
//! speaks gRPC to the policy and the scorer.
//!
//! It never touches a tensor or a tokenizer. A request is refused before any work
//! is spent on it; a search whose caller has gone is cancelled.

mod confidence;
mod config;
mod error;
mod events;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod metrics;
mod models;
mod request;
mod reserve;
mod response;
mod running;
mod service;
mod step;
mod trace;
mod upstream;

pub use config::{GatewayConfig, Upstreams};
pub use error::GatewayError;
pub use gateway::Gateway;
