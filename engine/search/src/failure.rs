//! Why a port could not answer.

use std::time::Duration;

/// A failure of the policy or the scorer, in the few kinds that a caller can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No replica answers.
    #[error("no replica answers: {0}; try again")]
    Unavailable(String),
    /// The service is full.
    #[error("the service is full; try again later")]
    ResourceExhausted {
        /// How long to wait, if the service said so.
        retry_after: Option<Duration>,
    },
    /// The deadline passed inside the port.
    #[error("the deadline passed; allow more time")]
    DeadlineExceeded,
    /// The model cannot do what was asked, or it changed during the search.
    #[error("{0}")]
    FailedPrecondition(String),
    /// The port refused a part of the request.
    #[error("{field}: {message}")]
    InvalidArgument {
        /// The field's path.
        field: String,
        /// What is wrong and how to put it right.
        message: String,
    },
    /// A defect: a panic, or a reply that breaks the contract.
    #[error("internal failure: {0}")]
    Internal(String),
}
