//! Quantiles.

use serde::Serialize;

/// The quartiles of some values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quartiles {
    pub(crate) first_quartile: f64,
    pub(crate) median: f64,
    pub(crate) third_quartile: f64,
}

impl Quartiles {
    /// Of no values, NaN.
    pub(crate) fn of(values: &[f64]) -> Quartiles {
        let at = |part| quantile(values, part);
        Quartiles { first_quartile: at(0.25), median: at(0.5), third_quartile: at(0.75) }
    }
}

/// The value below which this part of the values lies, between neighbours by proportion; NaN of none.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor() as usize), at(place.ceil() as usize));
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let check = |values: &[f64], part: f64, expected: f64| {
            assert!((quantile(values, part) - expected).abs() < 1e-12, "{values:?} at {part}");
        };
        check(&[3.0, 1.0, 2.0], 0.5, 2.0);
        check(&[1.0, 2.0, 3.0, 4.0], 0.25, 1.75);
        check(&[1.0, 2.0], 0.99, 1.99);
        check(&[5.0], 0.99, 5.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
