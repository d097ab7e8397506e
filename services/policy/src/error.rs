//! Errors of the policy service, and their gRPC codes.

use tonic::Status;
use toolbeam_lm::LmError;
use toolbeam_serve::{PromptError, Violation, invalid_argument, resource_exhausted};

/// An error of the policy service.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// `toolbeam.json` names what cannot be served.
    #[error("toolbeam.json: {0}")]
    Profile(String),
    /// The model writes nothing.
    #[error(
        "config.json: architectures names {architecture}, whose scalar head writes nothing; serve it as a scorer"
    )]
    Head {
        /// Its architecture.
        architecture: String,
    },
    /// Fields of a request are wrong.
    #[error("{} fields of the request are wrong", .0.len())]
    Invalid(Vec<Violation>),
    /// The prompt's digest is not known here. Carries the whole status with its detail.
    #[error("{}", .0.message())]
    PromptUnknown(Box<Status>),
    /// The search has pinned another model.
    #[error("model_fingerprint {pinned} was asked for, but this replica serves {served}")]
    Fingerprint {
        /// What the request pinned.
        pinned: String,
        /// What is served.
        served: String,
    },
    /// The caller's deadline passed.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The runtime's error.
    #[error(transparent)]
    Model(#[from] LmError),
}

impl From<PromptError<LmError>> for PolicyError {
    fn from(error: PromptError<LmError>) -> PolicyError {
        match error {
            PromptError::Wrong(violations) => PolicyError::Invalid(violations),
            PromptError::Unknown(status) => PolicyError::PromptUnknown(status),
            PromptError::Refused(error) => error.into(),
        }
    }
}

impl From<PolicyError> for Status {
    fn from(error: PolicyError) -> Status {
        let message = error.to_string();
        match error {
            PolicyError::Invalid(violations) => invalid_argument(violations),
            PolicyError::PromptUnknown(status) => *status,
            PolicyError::Fingerprint { .. } => Status::failed_precondition(message),
            PolicyError::Profile(_) | PolicyError::Head { .. } => Status::failed_precondition(message),
            PolicyError::DeadlineExceeded => toolbeam_serve::deadline_exceeded(),
            PolicyError::Model(error) => model_status(&error),
        }
    }
}

fn model_status(error: &LmError) -> Status {
    let message = error.to_string();
    let field = |field: &str| {
        invalid_argument(vec![Violation { field: field.to_owned(), description: message.clone() }])
    };
    match error {
        LmError::Template(_) | LmError::Tokenizer(_) | LmError::TooLong { .. } => field("prompt"),
        LmError::TokenOutOfRange { .. } => field("beams.token_ids"),
        LmError::KvBound { .. } => Status::failed_precondition(message),
        LmError::QueueFull { retry_after } => resource_exhausted(&message, *retry_after),
        LmError::Stopped => Status::unavailable(message),
        LmError::Read { .. } | LmError::ModelFile { .. } | LmError::Torch(_) | LmError::BatchFailed(_) => {
            Status::internal(message)
        }
    }
}
