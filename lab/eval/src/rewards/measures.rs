//! What rewards are worth beside labels.

use serde::Serialize;

/// Rewards stay so far from 0 and 1 in the loss, as float32's precision has it.
const LEAST: f64 = 1e-7;
/// Bins of the calibration error.
const BINS: usize = 10;

/// Measures of rewards as probabilities of +. 0 of none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Number of labels.
    pub labels: usize,
    /// The share that is +.
    pub positive: f64,
    /// Mean cross-entropy in nats, between the two labels only (the paper's Eq. 1, at label positions).
    pub loss: f64,
    /// The share on the right side of 0.5; 0.5 itself is -.
    pub accuracy: f64,
    /// The mean of the shares among + and among -; `None` if one of the labels is missing.
    pub balanced_accuracy: Option<f64>,
    /// The share of pairs of a + and a - of which the + has the higher reward, ties counting half; `None`
    /// if one of the labels is missing.
    pub auc: Option<f64>,
    /// The expected calibration error: the mean difference of reward and share of + in ten bins of equal
    /// width, by their sizes (Guo et al. 2017).
    pub calibration_error: f64,
}

impl Measures {
    /// Of rewards with their labels, true for +.
    pub fn of(rewards: &[(f32, bool)]) -> Measures {
        let labels = rewards.len();
        let mean = |sum: f64| sum / labels.max(1) as f64;
        let positive = rewards.iter().filter(|(_, label)| *label).count();
        let right = |wanted: bool| {
            rewards.iter().filter(|(reward, label)| *label == wanted && (*reward > 0.5) == wanted).count()
        };
        let loss = |(reward, label): &(f32, bool)| {
            let reward = f64::from(*reward).clamp(LEAST, 1.0 - LEAST);
            -(if *label { reward } else { 1.0 - reward }).ln()
        };
        let negative = labels - positive;
        let both = positive > 0 && negative > 0;
        let shares = || (right(true) as f64 / positive as f64 + right(false) as f64 / negative as f64) / 2.0;
        Measures {
            labels,
            positive: mean(positive as f64),
            loss: mean(rewards.iter().map(loss).sum()),
            accuracy: mean((right(true) + right(false)) as f64),
            balanced_accuracy: both.then(shares),
            auc: both.then(|| auc(rewards, positive, negative)),
            calibration_error: calibration_error(rewards),
        }
    }
}

/// By the sum of ranks (Mann and Whitney, 1947), equal rewards having the mean of their ranks.
fn auc(rewards: &[(f32, bool)], positive: usize, negative: usize) -> f64 {
    let mut sorted = rewards.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0;
    let mut ranks = 0.0;
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let rank = below as f64 + (equal.len() + 1) as f64 / 2.0;
        ranks += rank * equal.iter().filter(|(_, label)| *label).count() as f64;
        below += equal.len();
    }
    let least = (positive * (positive + 1)) as f64 / 2.0;
    (ranks - least) / (positive as f64 * negative as f64)
}

fn calibration_error(rewards: &[(f32, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for (reward, label) in rewards {
        let bin = &mut bins[((f64::from(*reward) * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += f64::from(*reward);
        bin.1 += f64::from(u8::from(*label));
    }
    let off: f64 = bins.iter().map(|(reward, positive)| (reward - positive).abs()).sum();
    off / rewards.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-6, "{found} is not {wanted}");
    }

    #[test]
    fn measures_are_what_they_are_elsewhere() {
        let rewards =
            [(0.95, true), (0.8, false), (0.8, true), (0.4, true), (0.3, false), (0.1, false), (0.5, false)];
        let found = Measures::of(&rewards);
        assert_eq!(found.labels, 7);
        near(found.positive, 3.0 / 7.0);
        near(found.loss, 0.565_049_7);
        near(found.accuracy, 5.0 / 7.0);
        near(found.balanced_accuracy.expect("both labels"), (2.0 / 3.0 + 3.0 / 4.0) / 2.0);
        near(found.auc.expect("both labels"), 9.5 / 12.0);
        // Bins: 0.1 off by 0.1, 0.3 by 0.3, 0.4 by 0.6, 0.5 by 0.5, two of 0.8 by 0.6 together, 0.95 by 0.05.
        near(found.calibration_error, (0.1 + 0.3 + 0.6 + 0.5 + 0.6 + 0.05) / 7.0);
    }

    #[test]
    fn nothing_and_certainty_have_measures_too() {
        assert_eq!(Measures::of(&[]), Measures::default());
        let sure = Measures::of(&[(1.0, true), (0.0, false)]);
        assert!(sure.loss < 1e-6 && sure.auc == Some(1.0) && sure.calibration_error == 0.0, "{sure:?}");
        let wrong = Measures::of(&[(0.0, true)]);
        assert!(wrong.loss.is_finite() && wrong.auc.is_none() && wrong.balanced_accuracy.is_none());
    }
}
