//! The gateway's errors and, in this file only, what they are in gRPC.

use std::error::Error as _;
use std::iter::successors;
use std::time::Duration;

use tonic::{Code, Response, Status, TimeoutExpired};
use toolbeam_actors::EngineError;
use toolbeam_proto::v1::PromptUnknown;
use toolbeam_search::{Failure, SettingsError};
use toolbeam_serve::Violation;

/// What a handler of the service returns.
pub(crate) type Reply<T> = Result<Response<T>, Status>;

/// What a handler of the service streams.
pub(crate) type ReplyStream<T> = futures::stream::BoxStream<'static, Result<T, Status>>;

/// What a call to another service gives.
pub(crate) type Called<T> = Result<T, Status>;

/// Why a search has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The request breaks the contract.
    #[error("the request breaks the contract in {} fields", .0.len())]
    Invalid(Vec<Violation>),
    /// As many searches run as are allowed.
    #[error("all searches of this gateway are taken; try again later")]
    Full {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The models cannot do what was asked.
    #[error("{0}")]
    Models(String),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] Failure),
    /// The deadline passed and nothing is complete.
    #[error("the deadline passed with nothing complete; allow more time")]
    DeadlineExceeded,
    /// The search was cancelled.
    #[error("the search was cancelled")]
    Cancelled,
    /// The gateway goes down and ended the search.
    #[error("this gateway is shutting down; try again, and another one will answer")]
    GoingDown,
    /// The engine's threads cannot be had.
    #[error("{0}; allow this process more threads")]
    Start(String),
    /// A defect: the search ended without an outcome.
    #[error("{0}")]
    Lost(String),
}

impl GatewayError {
    /// What the engine's error means for the caller of a search.
    pub(crate) fn of_engine(error: EngineError) -> GatewayError {
        let message = error.to_string();
        let invalid = |field: &str, description| {
            GatewayError::Invalid(vec![Violation { field: field.to_owned(), description }])
        };
        match error {
            EngineError::Settings(
                SettingsError::OutOfRange { field, .. } | SettingsError::NoShare { field, .. },
            ) => invalid(field, message),
            EngineError::DuplicateId(_) => invalid("search_id", message),
            EngineError::Full { retry_after, .. } => GatewayError::Full { retry_after },
            EngineError::Lost(_) => GatewayError::Lost(message),
            EngineError::Start(_) => GatewayError::Start(message),
        }
    }
}

impl From<GatewayError> for Status {
    fn from(error: GatewayError) -> Status {
        let message = error.to_string();
        match error {
            GatewayError::Invalid(violations) => toolbeam_serve::invalid_argument(violations),
            GatewayError::Full { retry_after } => toolbeam_serve::resource_exhausted(&message, retry_after),
            GatewayError::Models(_) => Status::failed_precondition(message),
            GatewayError::Port(failure) => of_failure(failure),
            GatewayError::DeadlineExceeded => toolbeam_serve::deadline_exceeded(),
            GatewayError::Cancelled => Status::cancelled(message),
            GatewayError::GoingDown => Status::unavailable(message),
            GatewayError::Start(_) | GatewayError::Lost(_) => Status::internal(message),
        }
    }
}

/// How long to wait for a full service that does not say so itself.
const RETRY_AFTER: Duration = Duration::from_secs(1);

fn of_failure(failure: Failure) -> Status {
    let message = failure.to_string();
    match failure {
        Failure::Unavailable(_) => Status::unavailable(message),
        Failure::ResourceExhausted { retry_after } => {
            toolbeam_serve::resource_exhausted(&message, retry_after.unwrap_or(RETRY_AFTER))
        }
        Failure::DeadlineExceeded => toolbeam_serve::deadline_exceeded(),
        Failure::FailedPrecondition(_) => Status::failed_precondition(message),
        Failure::InvalidArgument { field, message } => {
            toolbeam_serve::invalid_argument(vec![Violation { field, description: message }])
        }
        Failure::Internal(_) => Status::internal(message),
    }
}

/// What a status of the service called `peer` means for a search.
pub(crate) fn failure(peer: &str, status: &Status) -> Failure {
    // The transport says why in its error's sources only.
    let said = || {
        let causes = successors(status.source(), |error| (*error).source());
        let causes = causes.map(|cause| format!(": {cause}"));
        format!("{peer}: {}{}", status.message(), causes.collect::<String>())
    };
    match status.code() {
        // The transport's own errors carry a source; a peer's do not.
        Code::Unknown | Code::Internal if status.source().is_some() => Failure::Unavailable(said()),
        // tonic's timers on both sides watch the deadline as well, and may be the first to see it.
        Code::Cancelled if status.message() == TimeoutExpired(()).to_string() => Failure::DeadlineExceeded,
        // Any other cancellation that nobody here asked for: the peer is going down.
        Code::Unavailable | Code::Cancelled | Code::Aborted => Failure::Unavailable(said()),
        Code::DeadlineExceeded => Failure::DeadlineExceeded,
        Code::ResourceExhausted => {
            Failure::ResourceExhausted { retry_after: toolbeam_serve::retry_after(status) }
        }
        Code::InvalidArgument | Code::OutOfRange => {
            let first = toolbeam_serve::violations(status).into_iter().next();
            let (field, message) = match first {
                Some(violation) => (violation.field, violation.description),
                None => ("request".to_owned(), said()),
            };
            Failure::InvalidArgument { field, message }
        }
        Code::FailedPrecondition
        | Code::Unimplemented
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated => Failure::FailedPrecondition(said()),
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Failure::Internal(said()),
    }
}

/// Whether a replica does not know the digest that it was sent.
pub(crate) fn is_prompt_unknown(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition && toolbeam_serve::detail::<PromptUnknown>(status).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_expired_is_the_deadline_and_no_lost_replica() {
        let expired = Status::from_error(Box::new(TimeoutExpired(())));
        let told = Status::new(expired.code(), expired.message());
        for status in [expired, told] {
            assert_eq!(failure("policy", &status), Failure::DeadlineExceeded, "{status:?}");
        }
        let leaving = failure("policy", &Status::cancelled("going down"));
        assert!(matches!(leaving, Failure::Unavailable(_)), "{leaving:?}");
    }
}
