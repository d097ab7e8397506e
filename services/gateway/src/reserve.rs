//! How much of a search's time is kept for finishing its best beam, measured on the searches before it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;

use crate::metrics::RESERVE;

/// How far one search moves the mean and the deviation, and how many deviations are kept beside the mean: those of
/// TCP's retransmission timer, which faces the same question (RFC 6298).
const OF_MEAN: f64 = 1.0 / 8.0;
const OF_DEVIATION: f64 = 1.0 / 4.0;
const DEVIATIONS: f64 = 4.0;
/// The most of a search's time that is kept. With so much a search finishes greedily nearly from its beginning.
const MOST: f64 = 0.9;

/// What finishing takes. The waiting for the services of a whole search stands for it: its best beam needed all of its
/// steps, and a step of one row takes hardly less time than one of many, since both wait for the same batches.
#[derive(Debug)]
pub(crate) struct Reserve {
    /// The share of the time that is kept before anything was measured.
    before: f64,
    finishing: Mutex<Option<Finishing>>,
}

/// In seconds.
#[derive(Debug, Clone, Copy)]
struct Finishing {
    mean: f64,
    deviation: f64,
}

impl Reserve {
    /// Nothing measured: `percent` of a search's time.
    pub(crate) fn new(percent: u8) -> Reserve {
        Reserve { before: f64::from(percent) / 100.0, finishing: Mutex::new(None) }
    }

    /// What is kept of a search's `whole` time.
    pub(crate) fn of(&self, whole: Duration) -> Duration {
        let share = whole.mul_f64(self.before);
        self.known().map_or(share, |known| known.kept().min(whole.mul_f64(MOST)))
    }

    /// A search waited so long for the services until it had an answer, or until its time was over.
    pub(crate) fn learn(&self, waited: Duration) {
        let waited = waited.as_secs_f64();
        let mut finishing = self.finishing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match *finishing {
            None => Finishing { mean: waited, deviation: waited / 2.0 },
            Some(Finishing { mean, deviation }) => Finishing {
                mean: mean + OF_MEAN * (waited - mean),
                deviation: deviation + OF_DEVIATION * ((waited - mean).abs() - deviation),
            },
        };
        *finishing = Some(known);
        gauge!(RESERVE).set(known.kept().as_secs_f64());
    }

    fn known(&self) -> Option<Finishing> {
        // The numbers are whole after every statement under the lock.
        *self.finishing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Finishing {
    fn kept(self) -> Duration {
        Duration::from_secs_f64(self.mean + DEVIATIONS * self.deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_share_is_kept_until_something_was_measured() {
        let reserve = Reserve::new(25);
        assert_eq!(reserve.of(400 * MS), 100 * MS);
        reserve.learn(20 * MS);
        assert_eq!(reserve.of(400 * MS), 60 * MS, "a mean of 20 and four deviations of 10");
    }

    #[test]
    fn steady_searches_leave_little_more_than_they_take() {
        let reserve = Reserve::new(25);
        (0..60).for_each(|_| reserve.learn(20 * MS));
        let kept = reserve.of(120_000 * MS);
        assert!((20 * MS..22 * MS).contains(&kept), "{kept:?}");
    }

    #[test]
    fn slower_searches_are_kept_more_for_soon() {
        let reserve = Reserve::new(25);
        (0..60).for_each(|_| reserve.learn(20 * MS));
        reserve.learn(80 * MS);
        assert!(reserve.of(1000 * MS) > 80 * MS, "after one of them: {:?}", reserve.of(1000 * MS));
    }

    #[test]
    fn something_is_left_to_search_with() {
        let reserve = Reserve::new(25);
        reserve.learn(5000 * MS);
        assert_eq!(reserve.of(100 * MS), 90 * MS);
        assert_eq!(reserve.of(Duration::ZERO), Duration::ZERO);
    }
}
