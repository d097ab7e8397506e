//! The deadline that a caller sets with the `grpc-timeout` header.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::error::{Violation, deadline_exceeded, invalid_argument};

/// The header that carries a caller's time limit.
pub const TIMEOUT_HEADER: &str = "grpc-timeout";

/// The largest part of a caller's time that is kept back so that the answer
/// still reaches the caller.
const LARGEST_MARGIN: Duration = Duration::from_millis(20);

/// When the work of a request must be over, if its caller set a time limit. Call
/// it first thing, because the header counts from the request's arrival. A tenth
/// of the time, at most 20 ms, is kept back for the reply: transport layers cut
/// a call exactly at its limit, and without a typed status.
///
/// # Errors
/// INVALID_ARGUMENT if the header is not what the gRPC protocol says: at most
/// eight digits and a unit of `H`, `M`, `S`, `m`, `u` or `n`.
pub fn deadline(metadata: &MetadataMap) -> Result<Option<Instant>, Status> {
    let Some(value) = metadata.get(TIMEOUT_HEADER) else {
        return Ok(None);
    };
    let timeout = value.to_str().ok().and_then(parse_timeout).ok_or_else(|| {
        invalid_argument(vec![Violation {
            field: TIMEOUT_HEADER.to_owned(),
            description: "not a timeout: give at most eight digits and one of H, M, S, m, u, n".to_owned(),
        }])
    })?;
    let margin = LARGEST_MARGIN.min(timeout / 10);
    Ok(Instant::now().checked_add(timeout.saturating_sub(margin)))
}

/// The future's value if it comes before the deadline. The future is dropped
/// when the deadline passes.
///
/// # Errors
/// DEADLINE_EXCEEDED.
pub async fn within<F: Future>(deadline: Option<Instant>, work: F) -> Result<F::Output, Status> {
    match deadline {
        None => Ok(work.await),
        Some(deadline) => {
            tokio::time::timeout_at(deadline, work).await.map_err(|_elapsed| deadline_exceeded())
        }
    }
}

/// Reads the header's value as the gRPC protocol over HTTP/2 defines it.
fn parse_timeout(value: &str) -> Option<Duration> {
    let unit = value.char_indices().next_back()?;
    let digits = &value[..unit.0];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit.1 {
        'H' => Some(Duration::from_secs(count * 3600)),
        'M' => Some(Duration::from_secs(count * 60)),
        'S' => Some(Duration::from_secs(count)),
        'm' => Some(Duration::from_millis(count)),
        'u' => Some(Duration::from_micros(count)),
        'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_says() {
        let check = |text: &str, want: Option<Duration>| {
            assert_eq!(parse_timeout(text), want, "{text:?}");
        };
        check("2H", Some(Duration::from_secs(7200)));
        check("3M", Some(Duration::from_secs(180)));
        check("5S", Some(Duration::from_secs(5)));
        check("7m", Some(Duration::from_millis(7)));
        check("11u", Some(Duration::from_micros(11)));
        check("13n", Some(Duration::from_nanos(13)));
        check("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
        check("100000000S", None);
        check("", None);
        check("S", None);
        check("5", None);
        check("5s", None);
        check("+5S", None);
        check("5µ", None);
    }
}
