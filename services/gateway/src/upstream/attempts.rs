//! Trying again while a replica is replaced, and never beyond the deadline.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::Request;
use toolbeam_search::Failure;

/// How often an unavailable service is called before the search fails.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; each further one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A call's longest time where its caller set none.
const LONGEST_CALL: Duration = Duration::from_secs(600);

/// Calls until there is a reply that is not "unavailable". Requests are pure
/// functions of their fields, so that a second attempt changes nothing.
///
/// # Errors
/// The last failure; `DeadlineExceeded` only if the service was not unavailable
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
    let mut late = Failure::DeadlineExceeded;
    for _ in 1..ATTEMPTS {
        match timeout_at(deadline, call()).await {
            Ok(Err(unavailable @ Failure::Unavailable(_))) => late = unavailable,
            Ok(ended) => return ended,
            Err(_elapsed) => return Err(late),
        }
        if timeout_at(deadline, tokio::time::sleep(pause)).await.is_err() {
            return Err(late);
        }
        pause *= 4;
    }
    timeout_at(deadline, call()).await.unwrap_or(Err(late))
}

/// A request that tells the service how much time is left.
pub(crate) fn timed<T>(message: T, deadline: Option<Instant>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    request
}
