//! Drawing tokens with counter-based randomness.
//!
//! Every draw is keyed by (seed, hash of the answer's tokens, expansion, position), so that it does
//! not depend on what else is in the batch. The expansions that share a row are independent draws
//! from the row's distribution: sharing changes what is computed, not what is sampled.

use tch::{Device, Tensor};

use crate::LmError;
use crate::mix::mix;

mod device;
mod host;

/// How tokens are drawn from a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f64,
    /// Keeps the smallest set of tokens whose probabilities sum to this; 1 keeps all.
    pub top_p: f64,
    /// Keeps this many most probable tokens; 0 keeps all.
    pub top_k: u32,
}

impl Sampling {
    /// The most probable token, always.
    pub const GREEDY: Sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: 0 };
}

/// The key of a beam's randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrawKey {
    seed: u64,
    answer: u64,
}

impl DrawKey {
    /// The key of draws that continue `answer`.
    pub(crate) fn new(seed: u64, answer: &[u32]) -> DrawKey {
        let answer = answer.iter().fold(answer.len() as u64, |hash, id| mix(hash ^ u64::from(*id)));
        DrawKey { seed: mix(seed), answer }
    }

    /// A number in [0, 1) for one draw, in steps of 2^-52.
    pub(crate) fn uniform(self, expansion: u32, position: usize) -> f64 {
        let bits = mix(mix(mix(self.seed ^ self.answer) ^ u64::from(expansion)) ^ position as u64);
        (bits >> 12) as f64 * (0.5f64).powi(52)
    }
}

/// The draws that one row is to make.
pub(crate) struct RowDraws {
    pub(crate) sampling: Sampling,
    /// One number in [0, 1) per draw.
    pub(crate) uniforms: Vec<f64>,
}

/// A drawn token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) token: u32,
    /// Its log-probability at temperature 1, without filters.
    pub(crate) log_probability: f64,
}

/// Draws tokens: logits (rows, vocabulary), float32, one [`RowDraws`] per row -> tokens per row and draw.
/// Copies to the host once.
pub(crate) fn draw(logits: &Tensor, rows: &[RowDraws]) -> Result<Vec<Vec<Drawn>>, LmError> {
    match logits.device() {
        Device::Cpu => host::draw(logits, rows),
        _ => device::draw(logits, rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sampling: Sampling, draws: usize, answer: &[u32]) -> Vec<RowDraws> {
        let key = DrawKey::new(7, answer);
        vec![RowDraws {
            sampling,
            uniforms: (0..draws as u32).map(|expansion| key.uniform(expansion, 3)).collect(),
        }]
    }

    /// Pearson's statistic of the counts of `drawn` against `probabilities`.
    fn chi_squared(drawn: &[Drawn], probabilities: &[f64]) -> f64 {
        let count = |token: usize| drawn.iter().filter(|d| d.token as usize == token).count() as f64;
        let total = drawn.len() as f64;
        let expected = probabilities.iter().map(|p| p * total);
        expected.enumerate().map(|(token, e)| (count(token) - e).powi(2) / e).sum()
    }

    #[test]
    fn draws_of_a_shared_row_follow_the_distribution() {
        let probabilities = [0.5, 0.25, 0.125, 0.0625, 0.0625];
        let logits = Tensor::from_slice(&probabilities.map(|p: f64| p.ln() as f32)).unsqueeze(0);
        let sampling = Sampling { temperature: 1.0, top_p: 1.0, top_k: 0 };
        let drawn = draw(&logits, &rows(sampling, 20_000, &[1, 2, 3])).expect("draws");
        // 99.9% of the chi-squared distribution with four degrees of freedom.
        assert!(chi_squared(&drawn[0], &probabilities) < 18.47);
        let wrong = [0.48, 0.27, 0.125, 0.0625, 0.0625];
        assert!(chi_squared(&drawn[0], &wrong) > 18.47, "the test can tell a wrong distribution");
        let top = drawn[0].iter().find(|d| d.token == 0).expect("half of the draws");
        assert!((top.log_probability - 0.5f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn filters_keep_what_they_say_and_greedy_takes_the_first() {
        let logits = Tensor::from_slice(&[0.1f32, 2.0, 1.0, 0.0]).unsqueeze(0);
        let check = |temperature: f64, top_p: f64, top_k: u32, expected: &[u32]| {
            let sampling = Sampling { temperature, top_p, top_k };
            let drawn = draw(&logits, &rows(sampling, 400, &[])).expect("draws");
            let mut tokens: Vec<u32> = drawn[0].iter().map(|d| d.token).collect();
            tokens.sort_unstable();
            tokens.dedup();
            assert_eq!(tokens, expected, "temperature {temperature}, top_p {top_p}, top_k {top_k}");
        };
        check(1.0, 1.0, 0, &[0, 1, 2, 3]);
        check(1.0, 1.0, 2, &[1, 2]);
        check(1.0, 0.5, 0, &[1]);
        check(1.0, 0.7, 0, &[1, 2]);
        check(0.0, 1.0, 0, &[1]);
    }

    #[test]
    fn a_draw_depends_on_its_key_alone() {
        let key = DrawKey::new(1, &[5, 6]);
        assert_eq!(key.uniform(2, 3), DrawKey::new(1, &[5, 6]).uniform(2, 3));
        let others = [
            DrawKey::new(2, &[5, 6]).uniform(2, 3),
            DrawKey::new(1, &[6, 5]).uniform(2, 3),
            DrawKey::new(1, &[5]).uniform(2, 3),
            key.uniform(3, 3),
            key.uniform(2, 4),
        ];
        assert!(others.iter().all(|other| *other != key.uniform(2, 3)));
    }
}
