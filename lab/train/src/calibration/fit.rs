//! Temperatures by maximum likelihood, and how well rewards are calibrated. Pure.

use std::collections::BTreeMap;

use toolbeam_reward::Calibration;

/// Labels that a marker needs for a temperature of its own.
pub(super) const FEWEST: usize = 200;
/// The temperatures that are tried.
pub(super) const RANGE: (f64, f64) = (0.01, 100.0);
/// Halvings of the range's logarithm: its end is 1e-11 wide.
const HALVINGS: usize = 40;
const BINS: usize = 10;

/// What a model says of a step, and what is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    /// The marker's name.
    pub(super) marker: &'static str,
    /// s+ - s-.
    pub(super) margin: f64,
    pub(super) is_right: bool,
}

/// How well rewards are calibrated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Labels of which this is known.
    pub labels: usize,
    /// The mean distance between reward and share of right steps, in ten bins of equal width.
    pub expected_calibration_error: f64,
    /// The mean over labels, in nats.
    pub negative_log_likelihood: f64,
}

/// The temperature under which the labels are likeliest, within [`RANGE`].
///
/// The negative log-likelihood is convex in 1 / T, so that its derivative, the sum of (p(+) - label) * margin, rises
/// with it and is halved in on over log T.
pub(super) fn temperature<'a>(judgements: impl Iterator<Item = &'a Judgement> + Clone) -> f64 {
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        let slope = |judgement: &Judgement| {
            (sigmoid(judgement.margin / middle.exp()) - target(judgement.is_right)) * judgement.margin
        };
        let slope: f64 = judgements.clone().map(slope).sum();
        if slope == 0.0 {
            return middle.exp();
        }
        // Rewards that are too sure want a higher temperature.
        if slope > 0.0 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high).exp()
}

/// One temperature, and with `per_marker` one for each marker that has enough labels.
pub(super) fn fit(judgements: &[Judgement], per_marker: bool) -> Calibration {
    let own = |(name, labels): (&'static str, usize)| {
        let of_marker = judgements.iter().filter(move |judgement| judgement.marker == name);
        (per_marker && labels >= FEWEST).then(|| (name.to_owned(), temperature(of_marker)))
    };
    Calibration {
        temperature: temperature(judgements.iter()),
        markers: counts(judgements).into_iter().filter_map(own).collect(),
    }
}

/// How many labels each marker has.
pub(super) fn counts(judgements: &[Judgement]) -> BTreeMap<&'static str, usize> {
    judgements.iter().fold(BTreeMap::new(), |mut counts, judgement| {
        *counts.entry(judgement.marker).or_default() += 1;
        counts
    })
}

/// How well rewards at these temperatures are calibrated.
pub(super) fn quality(judgements: &[Judgement], calibration: &Calibration) -> Quality {
    let mut bins = [(0.0, 0.0); BINS];
    let mut sum = 0.0;
    for Judgement { marker, margin, is_right } in judgements {
        let logit = margin / calibration.at(marker);
        let reward = sigmoid(logit);
        let (rewards, right) = &mut bins[((reward * BINS as f64) as usize).min(BINS - 1)];
        *rewards += reward;
        *right += target(*is_right);
        // -log sigmoid(x) = log(1 + exp(-x)), which large numbers do not overflow.
        let wrong_by = if *is_right { -logit } else { logit };
        sum += wrong_by.max(0.0) + (-wrong_by.abs()).exp().ln_1p();
    }
    let labels = judgements.len();
    let count = labels.max(1) as f64;
    let distance: f64 = bins.iter().map(|(rewards, right): &(f64, f64)| (rewards - right).abs()).sum();
    Quality { labels, expected_calibration_error: distance / count, negative_log_likelihood: sum / count }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn target(is_right: bool) -> f64 {
    if is_right { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Margins that are `temperature` times the log odds of shares of right steps, each share over 1000 labels.
    fn judgements(marker: &'static str, temperature: f64, shares: &[usize]) -> Vec<Judgement> {
        let of_share = |share: &usize| {
            let share = *share;
            let odds = share as f64 / (1000 - share) as f64;
            (0..1000).map(move |number| Judgement {
                marker,
                margin: temperature * odds.ln(),
                is_right: number < share,
            })
        };
        shares.iter().flat_map(of_share).collect()
    }

    #[test]
    fn the_temperature_is_found_that_makes_rewards_shares() {
        for expected in [0.3, 1.0, 1.37, 8.0] {
            let judgements = judgements("a", expected, &[50, 300, 550, 900]);
            let calibration = fit(&judgements, false);
            assert!((calibration.temperature - expected).abs() < 1e-6, "{calibration:?}");
            let quality = quality(&judgements, &calibration);
            assert!(quality.expected_calibration_error < 1e-6, "{quality:?}");
        }
    }

    #[test]
    fn no_other_temperature_makes_labels_likelier() {
        let judgements = judgements("a", 2.0, &[100, 640, 990]);
        let best = fit(&judgements, false);
        let loss = |temperature: f64| {
            let calibration = Calibration { temperature, markers: BTreeMap::new() };
            quality(&judgements, &calibration).negative_log_likelihood
        };
        for factor in [0.2, 0.9, 0.999, 1.001, 1.1, 5.0] {
            assert!(loss(best.temperature * factor) > loss(best.temperature), "{factor}");
        }
    }

    #[test]
    fn what_has_no_best_temperature_ends_at_the_range() {
        let of = |margin: f64, is_right| Judgement { marker: "a", margin, is_right };
        let fitted = |judgements: &[Judgement]| fit(judgements, false).temperature;
        assert!((fitted(&[of(1.0, true), of(-2.0, false)]) - RANGE.0).abs() < 1e-9, "never wrong");
        assert!((fitted(&[of(1.0, false), of(-2.0, true)]) - RANGE.1).abs() < 1e-6, "never right");
        assert!((fitted(&[of(0.0, false), of(0.0, true)]) - 1.0).abs() < 1e-9, "says nothing");
    }

    #[test]
    fn a_marker_has_its_own_temperature_if_it_has_enough_labels() {
        let mut all = judgements("a", 0.5, &[200, 700]);
        all.extend(judgements("b", 3.0, &[200, 700]));
        all.extend(judgements("c", 1.0, &[900]).into_iter().skip(1000 - FEWEST + 1));
        let found = fit(&all, true);
        assert_eq!(found.markers.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!((found.at("a") - 0.5).abs() < 1e-6 && (found.at("b") - 3.0).abs() < 1e-6, "{found:?}");
        assert_eq!(found.at("c"), found.temperature);
        assert!(fit(&all, false).markers.is_empty());
        assert_eq!(counts(&all)["c"], FEWEST - 1);
    }

    #[test]
    fn the_error_is_the_distance_between_rewards_and_shares() {
        let of = |is_right| Judgement { marker: "a", margin: 9f64.ln(), is_right };
        // Rewards of 0.9, of which half are right.
        let found = quality(&[of(true), of(false)], &Calibration::NONE);
        assert!((found.expected_calibration_error - 0.4).abs() < 1e-9, "{found:?}");
        let expected = -(0.9f64.ln() + 0.1f64.ln()) / 2.0;
        assert!((found.negative_log_likelihood - expected).abs() < 1e-9, "{found:?}");
        let sure = Judgement { marker: "a", margin: 1e9, is_right: false };
        assert!(quality(&[sure], &Calibration::NONE).negative_log_likelihood.is_finite());
        assert_eq!(quality(&[], &Calibration::NONE), Quality::default());
    }
}
