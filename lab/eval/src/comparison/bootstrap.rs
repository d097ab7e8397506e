//! How certain a mean is.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

/// Samples of the records, with replacement.
const SAMPLES: usize = 10_000;

/// A mean with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The mean of a number that every record has, such as its accuracy or the gain of it over another run's, by
/// the bootstrap: percentiles over samples of the records. The same numbers give the same interval. Zero of
/// none.
pub(crate) fn mean(numbers: &[f64]) -> Interval {
    if numbers.is_empty() {
        return Interval { mean: 0.0, low: 0.0, high: 0.0 };
    }
    let over = |sum: f64| sum / numbers.len() as f64;
    let mut random = StdRng::seed_from_u64(0);
    let mut sample =
        || over((0..numbers.len()).map(|_| numbers[random.random_range(0..numbers.len())]).sum());
    let mut means: Vec<f64> = (0..SAMPLES).map(|_| sample()).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| means[(part * (SAMPLES - 1) as f64).round() as usize];
    Interval { mean: over(numbers.iter().sum()), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_the_intervals_of_their_records() {
        assert_eq!(mean(&[0.5; 50]), Interval { mean: 0.5, low: 0.5, high: 0.5 });
        // 30 of 100 records gained: a standard error of 0.0458.
        let gains: Vec<f64> = (0..100).map(|index| f64::from(u8::from(index < 30))).collect();
        let gained = mean(&gains);
        assert!((gained.mean - 0.3).abs() < 1e-12, "{gained:?}");
        assert!((gained.low - 0.21).abs() < 0.015 && (gained.high - 0.39).abs() < 0.015, "{gained:?}");
        assert_eq!(mean(&gains), gained);
        assert_eq!(mean(&[]).high, 0.0);
    }
}
