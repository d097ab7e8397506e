//! Errors of the scorer service, and their gRPC codes.

use tonic::Status;
use toolbeam_lm::LmError;
use toolbeam_reward::RewardError;
use toolbeam_serve::{PromptError, Violation, invalid_argument, resource_exhausted};

/// An error of the scorer service.
#[derive(Debug, thiserror::Error)]
pub enum ScorerError {
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
    /// The reward model's error.
    #[error(transparent)]
    Reward(#[from] RewardError),
}

impl From<LmError> for ScorerError {
    fn from(error: LmError) -> ScorerError {
        ScorerError::Reward(RewardError::Model(error))
    }
}

impl From<PromptError<LmError>> for ScorerError {
    fn from(error: PromptError<LmError>) -> ScorerError {
        match error {
            PromptError::Wrong(violations) => ScorerError::Invalid(violations),
            PromptError::Unknown(status) => ScorerError::PromptUnknown(status),
            PromptError::Refused(error) => error.into(),
        }
    }
}

impl From<ScorerError> for Status {
    fn from(error: ScorerError) -> Status {
        let message = error.to_string();
        match error {
            ScorerError::Invalid(violations) => invalid_argument(violations),
            ScorerError::PromptUnknown(status) => *status,
            ScorerError::Fingerprint { .. } => Status::failed_precondition(message),
            ScorerError::DeadlineExceeded => toolbeam_serve::deadline_exceeded(),
            ScorerError::Reward(error) => reward_status(&error),
        }
    }
}

fn reward_status(error: &RewardError) -> Status {
    let message = error.to_string();
    let field = |field: &str| {
        invalid_argument(vec![Violation { field: field.to_owned(), description: message.clone() }])
    };
    match error {
        RewardError::Profile(_)
        | RewardError::NoMarker { .. }
        | RewardError::NoLabel { .. }
        | RewardError::Layout(_) => Status::failed_precondition(message),
        RewardError::Call { .. } => field("answers"),
        RewardError::Model(error) => match error {
            LmError::Template(_) | LmError::Tokenizer(_) => field("prompt"),
            LmError::TooLong { field: "prompt", .. } => field("prompt"),
            LmError::TooLong { .. } | LmError::TokenOutOfRange { .. } => field("answers"),
            LmError::KvBound { .. } => Status::failed_precondition(message),
            LmError::QueueFull { retry_after } => resource_exhausted(&message, *retry_after),
            LmError::Stopped => Status::unavailable(message),
            LmError::Read { .. }
            | LmError::ModelFile { .. }
            | LmError::Torch(_)
            | LmError::BatchFailed(_) => Status::internal(message),
        },
    }
}
