//! Draws without replacement.

/// How likely none of the `marked` among `all` things is among `drawn` ones: C(all - marked, drawn) over
/// C(all, drawn). `drawn` is at most `all`.
pub(super) fn none_drawn(all: usize, marked: usize, drawn: usize) -> f64 {
    // Each draw misses, given that those before it did.
    let others = all.saturating_sub(marked);
    (0..drawn)
        .map(|before| others.saturating_sub(before) as f64 / (all - before.min(all - 1)) as f64)
        .product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_ratios_of_binomial_coefficients() {
        let check = |all, marked, drawn, expected: f64| {
            let found = none_drawn(all, marked, drawn);
            assert!((found - expected).abs() < 1e-12, "{all} {marked} {drawn}: {found}");
        };
        check(10, 0, 4, 1.0);
        check(10, 10, 1, 0.0);
        check(10, 3, 0, 1.0);
        check(10, 3, 1, 0.7);
        // C(7, 4) / C(10, 4).
        check(10, 3, 4, 35.0 / 210.0);
        check(10, 3, 8, 0.0);
        check(32, 1, 16, 0.5);
    }
}
