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

/// A set of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenMask(Vec<u32>);

impl TokenMask {
    /// The set of which these are the bits, token 0 the lowest of the first word. Tokens beyond are not in it.
    pub fn from_words(words: Vec<u32>) -> TokenMask {
        TokenMask(words)
    }

    /// Whether a token is in it.
    pub fn allows(&self, token: usize) -> bool {
        self.0.get(token / 32).is_some_and(|word| word >> (token % 32) & 1 == 1)
    }
}

/// The draws that one row is to make.
pub(crate) struct RowDraws {
    pub(crate) sampling: Sampling,
    /// The tokens that may be drawn; `None` is all. They are drawn by the share that they have of each other.
    pub(crate) allowed: Option<TokenMask>,
    /// Take the most probable tokens, one per draw, and draw nothing.
    pub(crate) most_probable: bool,
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
            allowed: None,
            most_probable: false,
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
    fn only_what_is_allowed_is_drawn_and_its_probability_is_the_models() {
        let logits = Tensor::from_slice(&[0.1f32, 200.0, 1.0, 0.0]).unsqueeze(0);
        let check = |temperature: f64, top_k: u32, words: &[u32], expected: &[u32]| {
            let sampling = Sampling { temperature, top_p: 1.0, top_k };
            let mut rows = rows(sampling, 400, &[]);
            rows[0].allowed = Some(TokenMask::from_words(words.to_vec()));
            for drawn in [draw(&logits, &rows), device::draw(&logits, &rows)] {
                let drawn = drawn.expect("draws");
                let mut tokens: Vec<u32> = drawn[0].iter().map(|d| d.token).collect();
                tokens.sort_unstable();
                tokens.dedup();
                assert_eq!(tokens, expected, "temperature {temperature}, top_k {top_k}, {words:?}");
                assert!(drawn[0].iter().all(|d| d.log_probability < -190.0), "as without a mask");
            }
        };
        check(1.0, 0, &[0b1101], &[0, 2, 3]);
        check(1.0, 2, &[0b1101], &[0, 2]);
        check(0.0, 0, &[0b1101], &[2]);
        check(1.0, 0, &[0b1000], &[3]);
    }

    #[test]
    fn the_most_probable_come_in_order_and_the_last_stands_for_more() {
        let logits = Tensor::from_slice(&[0.1f32, 2.0, 1.0, 0.0]).unsqueeze(0);
        let check = |draws: usize, words: Option<u32>, expected: &[u32]| {
            let sampling = Sampling { temperature: 0.7, top_p: 1.0, top_k: 0 };
            let mut rows = rows(sampling, draws, &[]);
            rows[0].most_probable = true;
            rows[0].allowed = words.map(|words| TokenMask::from_words(vec![words]));
            for drawn in [draw(&logits, &rows), device::draw(&logits, &rows)] {
                let tokens: Vec<u32> = drawn.expect("draws")[0].iter().map(|d| d.token).collect();
                assert_eq!(tokens, expected, "{draws} {words:?}");
            }
        };
        check(3, None, &[1, 2, 0]);
        check(3, Some(0b1001), &[0, 3, 3]);
        check(5, None, &[1, 2, 0, 3, 3]);
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
