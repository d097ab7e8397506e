//! The time that a search waits for a service.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts the time during which at least one call is in progress.
#[derive(Debug, Default)]
pub(super) struct Stopwatch(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    calls: u32,
    since: Option<Instant>,
    total: Duration,
}

/// Ends a call's time when it is dropped.
#[derive(Debug)]
pub(super) struct Lap<'a>(&'a Stopwatch);

impl Stopwatch {
    pub(super) fn start(&self) -> Lap<'_> {
        let mut waiting = self.waiting();
        waiting.calls += 1;
        waiting.since.get_or_insert_with(Instant::now);
        Lap(self)
    }

    /// The time so far.
    pub(super) fn total(&self) -> Duration {
        let waiting = self.waiting();
        waiting.total + waiting.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // The numbers are whole after every statement under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lap<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.calls -= 1;
        if waiting.calls == 0
            && let Some(since) = waiting.since.take()
        {
            waiting.total += since.elapsed();
        }
    }
}
