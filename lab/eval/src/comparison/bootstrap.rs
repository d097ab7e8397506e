//! How certain a difference is.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Samples of the records, with replacement.
const SAMPLES: usize = 10_000;

/// A mean with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The difference of two accuracies on the same records (the first's less the second's) by the paired
/// bootstrap: percentiles over samples of the records. The same pairs give the same interval. Zero of none.
pub(crate) fn difference(pairs: &[(bool, bool)]) -> Interval {
    let gains: Vec<i32> = pairs.iter().map(|(mine, other)| i32::from(*mine) - i32::from(*other)).collect();
    if gains.is_empty() {
        return Interval { mean: 0.0, low: 0.0, high: 0.0 };
    }
    let mean = |sum: i32| f64::from(sum) / gains.len() as f64;
    let mut random = StdRng::seed_from_u64(0);
    let mut sample = || mean((0..gains.len()).map(|_| gains[random.random_range(0..gains.len())]).sum());
    let mut means: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| means[(part * (SAMPLES - 1) as f64).round() as usize];
    Interval { mean: mean(gains.iter().sum()), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_of_the_same_records() {
        let equal = difference(&[(true, true); 50]);
        assert_eq!(equal, Interval { mean: 0.0, low: 0.0, high: 0.0 });
        // 30 of 100 records gained: a standard error of 0.0458.
        let pairs: Vec<_> = (0..100).map(|index| (true, index >= 30)).collect();
        let gained = difference(&pairs);
        assert!((gained.mean - 0.3).abs() < 1e-12, "{gained:?}");
        assert!((gained.low - 0.21).abs() < 0.015 && (gained.high - 0.39).abs() < 0.015, "{gained:?}");
        assert_eq!(difference(&pairs), gained);
        assert_eq!(difference(&[]).high, 0.0);
    }
}
