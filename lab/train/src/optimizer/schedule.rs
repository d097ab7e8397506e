//! How the rate changes over a run.

use std::f64::consts::PI;

/// The share of the highest rate when `done`, in [0, 1], of the run is over: rising over `warmup`, and from the
/// beginning on along a cosine from 1 to `floor`.
pub(crate) fn share(done: f64, warmup: f64, floor: f64) -> f64 {
    let risen = if done < warmup { (done / warmup).max(1e-3) } else { 1.0 };
    risen * (floor + (1.0 - floor) * 0.5 * (1.0 + (PI * done.clamp(0.0, 1.0)).cos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let check = |done, expected: f64| {
            let found = share(done, 0.1, 0.02);
            assert!((found - expected).abs() < 1e-3, "at {done}: {found}");
        };
        check(0.0, 0.001);
        check(0.05, 0.5 * 0.994);
        check(0.1, 0.976);
        check(0.5, 0.51);
        check(1.0, 0.02);
        check(2.0, 0.02);
        assert_eq!(share(0.0, 0.0, 0.0), 1.0);
    }
}
