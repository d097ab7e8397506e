//! Trying again while a replica is replaced or full, and never beyond the deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Request;
use toolbeam_search::Failure;

/// How often an unavailable service is called before the search fails.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; each further one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The pause before a full service is called again that does not say how long to wait.
const FULL_PAUSE: Duration = Duration::from_millis(500);

/// A call's longest time where its caller set none.
const LONGEST_CALL: Duration = Duration::from_secs(600);

/// Calls until there is a reply that is neither "unavailable" nor "full". Requests are
/// pure functions of their fields, so that another attempt changes nothing. A full service
/// is called again after the delay that it asked for, as often as there is time for it.
///
/// # Errors
/// The last failure; `DeadlineExceeded` only if the service was neither unavailable nor full
/// before the deadline passed.
pub(crate) async fn attempts<T, F>(
    deadline: Option<Instant>,
    mut call: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let deadline = deadline.unwrap_or_else(|| Instant::now() + LONGEST_CALL);
    let mut pause = FIRST_PAUSE;
    let mut unavailable = 0;
    let mut late = Failure::DeadlineExceeded;
    loop {
        let again = match timeout_at(deadline, call()).await {
            Ok(Err(failure @ Failure::Unavailable(_))) => {
                unavailable += 1;
                if unavailable == ATTEMPTS {
                    return Err(failure);
                }
                late = failure;
                let again = Instant::now() + pause;
                pause *= 4;
                again
            }
            Ok(Err(failure @ Failure::ResourceExhausted { retry_after })) => {
                late = failure;
                Instant::now() + retry_after.unwrap_or(FULL_PAUSE)
            }
            Ok(Err(Failure::DeadlineExceeded)) => return Err(late),
            Ok(ended) => return ended,
            Err(_elapsed) => return Err(late),
        };
        if again >= deadline {
            return Err(late);
        }
        sleep_until(again).await;
    }
}

/// A request that tells the service how much time is left.
pub(crate) fn timed<T>(message: T, deadline: Option<Instant>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    request
}
