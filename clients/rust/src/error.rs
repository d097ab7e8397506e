//! What can go wrong, typed.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The address is malformed.
    #[error("{address} is not an address; write host:port or http://host:port")]
    Address {
        /// The address as it was given.
        address: String,
    },
    /// Nothing answers at the address.
    #[error("cannot connect to {address}: {reason}; check that the gateway runs there")]
    Connect {
        /// The address as it was given.
        address: String,
        /// What the transport said.
        reason: String,
    },
    /// The client's own deadline passed before the reply came.
    #[error("no reply within {deadline:?}; allow more time")]
    Deadline {
        /// The time that was allowed.
        deadline: Duration,
    },
    /// The service refused or failed.
    #[error("{code:?}: {message}")]
    Refused {
        /// The gRPC code.
        code: Code,
        /// The service's words: what is wrong and how to put it right.
        message: String,
        /// The fields of the request that break the contract.
        violations: Vec<FieldViolation>,
        /// How long to wait before the next try, if the service said so.
        retry_after: Option<Duration>,
    },
}

/// A field of the request that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path of the proto field, such as `prompt.tools[1].name`.
    pub field: String,
    /// What is wrong and how to put it right.
    pub description: String,
}

impl ClientError {
    /// What a status means for a call that began then and had so much time.
    pub(crate) fn of_call(status: Status, began: Instant, deadline: Duration) -> ClientError {
        // The transport's own timer says CANCELLED when it wins the race.
        if status.code() == Code::Cancelled && began.elapsed() >= deadline {
            return ClientError::Deadline { deadline };
        }
        status.into()
    }

    /// The gRPC code; for errors of the client's side, the nearest one.
    pub fn code(&self) -> Code {
        match self {
            ClientError::Address { .. } => Code::InvalidArgument,
            ClientError::Connect { .. } => Code::Unavailable,
            ClientError::Deadline { .. } => Code::DeadlineExceeded,
            ClientError::Refused { code, .. } => *code,
        }
    }

    /// The fields that break the contract.
    pub fn violations(&self) -> &[FieldViolation] {
        match self {
            ClientError::Refused { violations, .. } => violations,
            ClientError::Address { .. } | ClientError::Connect { .. } | ClientError::Deadline { .. } => &[],
        }
    }

    /// How long to wait before the next try, if the service said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ClientError::Refused { retry_after, .. } => *retry_after,
            ClientError::Address { .. } | ClientError::Connect { .. } | ClientError::Deadline { .. } => None,
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> ClientError {
        let violations = status
            .get_details_bad_request()
            .map(|bad_request| bad_request.field_violations)
            .unwrap_or_default();
        ClientError::Refused {
            code: status.code(),
            message: status.message().to_owned(),
            violations: violations
                .into_iter()
                .map(|violation| FieldViolation {
                    field: violation.field,
                    description: violation.description,
                })
                .collect(),
            retry_after: status.get_details_retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}
