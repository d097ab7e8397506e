//! Errors of serving, and the building blocks of rich gRPC errors.

use std::time::Duration;

use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// Why a service could not be started or kept up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address to listen on cannot be had.
    #[error("cannot listen on {address}: {source}; choose a free address of this host")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Metrics cannot be served.
    #[error("cannot serve metrics on {address}: {source}; give --metrics-listen a free address of this host")]
    Metrics {
        /// The address that was given.
        address: std::net::SocketAddr,
        /// What is wrong with it.
        source: Box<metrics_exporter_prometheus::BuildError>,
    },
    /// The address to connect to is malformed.
    #[error("{address} is not an address: {source}; write host:port or http://host:port")]
    Address {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server failed while it ran.
    #[error("serving failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The contract's descriptors cannot be read: a defect of the build.
    #[error("reflection: {0}; generate the contract's code again")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The log filter is malformed.
    #[error("log filter {filter:?}: {source}; write it like info,toolbeam_gateway=debug")]
    LogFilter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Telemetry was already set up in this process.
    #[error("telemetry is already set up; call init_telemetry once")]
    TelemetryTwice,
}

/// A field that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the proto field, such as `prompt.tools[1].name`.
    pub field: String,
    /// What is wrong and how to put it right.
    pub description: String,
}

/// The most bytes of a description, and of all that one status says. It travels in headers, thrice:
/// in words, and in details with the words again. Peers refuse headers of more than 8 KiB, and then the
/// caller sees another code.
const MAX_DESCRIPTION_BYTES: usize = 400;
const MAX_VIOLATION_BYTES: usize = 1200;

/// INVALID_ARGUMENT with a `google.rpc.BadRequest` that names the fields, the first of them where there
/// are too many for a reply's headers.
pub fn invalid_argument(violations: Vec<Violation>) -> Status {
    let violations = bounded(violations);
    let message = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.field, violation.description))
        .collect::<Vec<_>>()
        .join("; ");
    let fields: Vec<FieldViolation> = violations
        .into_iter()
        .map(|violation| FieldViolation::new(violation.field, violation.description))
        .collect();
    Status::with_error_details(Code::InvalidArgument, message, ErrorDetails::with_bad_request(fields))
}

fn bounded(violations: Vec<Violation>) -> Vec<Violation> {
    let shorter = violations.into_iter().map(|violation| Violation {
        field: excerpt(&violation.field, MAX_DESCRIPTION_BYTES),
        description: excerpt(&violation.description, MAX_DESCRIPTION_BYTES),
    });
    let mut bytes = 0;
    shorter
        .take_while(|violation| {
            bytes += violation.field.len() + violation.description.len();
            bytes <= MAX_VIOLATION_BYTES
        })
        .collect()
}

/// The text, or its beginning and an ellipsis in at most `most_bytes`: what a caller sent is quoted in
/// messages, and may be of any length.
pub fn excerpt(text: &str, most_bytes: usize) -> String {
    if text.len() <= most_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most_bytes.saturating_sub(3));
    format!("{}...", &text[..end])
}

/// RESOURCE_EXHAUSTED with a `google.rpc.RetryInfo`.
pub fn resource_exhausted(message: &str, retry_after: Duration) -> Status {
    Status::with_error_details(
        Code::ResourceExhausted,
        message,
        ErrorDetails::with_retry_info(Some(retry_after)),
    )
}

/// DEADLINE_EXCEEDED in the words of every service.
pub fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline passed with nothing complete; allow more time")
}

/// A status with a typed detail of the project's own contract, such as
/// `PromptUnknown`.
pub fn with_detail<M: Message + Name>(code: Code, message: &str, detail: &M) -> Status {
    let details = tonic_types::Status {
        code: i32::from(code),
        message: message.to_owned(),
        details: vec![Any { type_url: M::type_url(), value: detail.encode_to_vec() }],
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The first detail of type `M` that a status carries.
pub fn detail<M: Message + Name + Default>(status: &Status) -> Option<M> {
    let details = tonic_types::Status::decode(status.details()).ok()?;
    let name = M::full_name();
    details
        .details
        .iter()
        .find(|any| any.type_url.rsplit('/').next() == Some(name.as_str()))
        .and_then(|any| M::decode(any.value.as_slice()).ok())
}

/// The fields that a status's `google.rpc.BadRequest` names.
pub fn violations(status: &Status) -> Vec<Violation> {
    let found = status.get_details_bad_request();
    let fields = found.map(|bad_request| bad_request.field_violations);
    fields
        .unwrap_or_default()
        .into_iter()
        .map(|violation| Violation { field: violation.field, description: violation.description })
        .collect()
}

/// The delay that a status's `google.rpc.RetryInfo` asks for.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

#[cfg(test)]
mod tests {
    use toolbeam_proto::v1::PromptUnknown;

    use super::*;

    #[test]
    fn a_status_fits_into_headers_whatever_was_sent() {
        let violation = |field: &str, bytes: usize| Violation {
            field: field.to_owned(),
            description: "ü".repeat(bytes / 2),
        };
        let many = (0..1000).map(|i| violation(&format!("answers[{i}].first_step"), 100)).collect();
        for wrong in [many, vec![violation("prompt", 100_000)], vec![violation(&"x".repeat(100_000), 1)]] {
            let status = invalid_argument(wrong);
            // Percent-encoded and in base64.
            assert!(status.message().len() * 3 + status.details().len() * 4 / 3 < 8 * 1024);
            assert!(!violations(&status).is_empty());
        }
        assert_eq!((excerpt("aüü", 5).as_str(), excerpt("aüüü", 6).as_str()), ("aüü", "aü..."));
    }

    #[test]
    fn details_come_back_as_they_were_given() {
        let refused = invalid_argument(vec![Violation {
            field: "prompt.tools[1].name".to_owned(),
            description: "empty; name the function".to_owned(),
        }]);
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(refused.message(), "prompt.tools[1].name: empty; name the function");
        assert_eq!(violations(&refused)[0].field, "prompt.tools[1].name");

        let full = resource_exhausted("full; try again", Duration::from_millis(1500));
        assert_eq!(retry_after(&full), Some(Duration::from_millis(1500)));
        assert_eq!(retry_after(&refused), None);

        let unknown = PromptUnknown { digest: vec![1, 2, 3] };
        let status = with_detail(Code::FailedPrecondition, "unknown prompt", &unknown);
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(detail::<PromptUnknown>(&status), Some(unknown));
        assert_eq!(detail::<PromptUnknown>(&refused), None);
        assert_eq!(detail::<PromptUnknown>(&Status::internal("no details")), None);
    }
}
