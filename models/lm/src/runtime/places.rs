//! How many requests a model takes at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::LmError;

/// How long a request is taken to last before any has ended.
const FIRST_GUESS: Duration = Duration::from_millis(200);

/// Delays that a refused caller is told stay between these.
const DELAYS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// The places of a model's requests, those that wait included.
pub(super) struct Places {
    most: usize,
    taken: AtomicUsize,
    /// Microseconds that a request keeps its place, a moving average.
    kept: AtomicU64,
}

/// A request's place; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    since: Instant,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Places> {
        let kept = AtomicU64::new(FIRST_GUESS.as_micros() as u64);
        Arc::new(Places { most, taken: AtomicUsize::new(0), kept })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`LmError::QueueFull`] with the time that requests took lately.
    pub(super) fn take(self: &Arc<Places>) -> Result<Place, LmError> {
        let one_more = |taken: usize| (taken < self.most).then_some(taken + 1);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Place { places: Arc::clone(self), since: Instant::now() }),
            Err(_) => Err(self.full()),
        }
    }

    /// The error of a request that has no place.
    pub(super) fn full(&self) -> LmError {
        let kept = Duration::from_micros(self.kept.load(Ordering::Relaxed));
        LmError::QueueFull { retry_after: kept.clamp(DELAYS.0, DELAYS.1) }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        // Two that leave at once may count as one, which an average can bear.
        let average = self.places.kept.load(Ordering::Relaxed);
        let kept = self.since.elapsed().as_micros() as u64;
        self.places.kept.store((7 * average + kept) / 8, Ordering::Relaxed);
    }
}
