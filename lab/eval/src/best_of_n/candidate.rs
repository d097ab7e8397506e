//! What choosing among drawn answers is worth, by the answers' rewards alone.

use super::hypergeometric::none_drawn;

/// An answer that may be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Which answers it is equal to: these have the same number. `None` if it is no answer.
    pub(super) answer: Option<usize>,
    /// Whether it is right. What is no answer is not.
    pub(super) right: bool,
    /// Its reward; none if it is no answer, or did not fit the reward model's context.
    pub(super) reward: Option<f32>,
    /// How many of the samples it is.
    pub(super) count: u32,
}

impl Candidate {
    /// What it is chosen by, the greatest first: its reward. What has none comes behind all that has one, and
    /// what is no answer comes last.
    fn rank(&self) -> (bool, f32) {
        (self.answer.is_some(), self.reward.unwrap_or(f32::NEG_INFINITY))
    }
}

/// Number of samples.
pub(super) fn samples(candidates: &[Candidate]) -> usize {
    candidates.iter().map(|candidate| candidate.count as usize).sum()
}

/// The share of samples that are right: what one drawn sample is worth.
pub(super) fn single(candidates: &[Candidate]) -> f64 {
    right(candidates) as f64 / samples(candidates).max(1) as f64
}

/// How likely one of `drawn` samples is right, drawn without replacement: what no choice can exceed.
pub(super) fn oracle(candidates: &[Candidate], drawn: usize) -> f64 {
    1.0 - none_drawn(samples(candidates), right(candidates), drawn)
}

/// How likely the sample with the highest reward among `drawn` ones is right. Samples are drawn without
/// replacement, and of equal rewards each is chosen alike; this is the expectation, and nothing is drawn.
///
/// The samples that rank first are chosen if one of them is drawn, those that rank second if none of the first
/// and one of the second is, and so on; each of these chances is hypergeometric.
pub(super) fn best(candidates: &[Candidate], drawn: usize) -> f64 {
    let all = samples(candidates);
    let mut ranked = candidates.to_vec();
    ranked.sort_by(|a, b| {
        let (a, b) = (a.rank(), b.rank());
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let (mut above, mut expected) = (0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.rank() == b.rank()) {
        let count = samples(equal);
        let chosen = none_drawn(all, above, drawn) - none_drawn(all, above + count, drawn);
        expected += chosen * single(equal);
        above += count;
    }
    expected
}

fn right(candidates: &[Candidate]) -> usize {
    let right = candidates.iter().filter(|candidate| candidate.right);
    right.map(|candidate| candidate.count as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(right: bool, reward: Option<f32>, count: u32) -> Candidate {
        Candidate { answer: Some(0), right, reward, count }
    }

    /// The same by trying all subsets of so many samples.
    fn tried(candidates: &[Candidate], drawn: usize) -> (f64, f64) {
        let samples: Vec<Candidate> =
            candidates.iter().flat_map(|one| std::iter::repeat_n(*one, one.count as usize)).collect();
        let (mut best, mut oracle, mut subsets) = (0.0, 0.0, 0.0);
        for subset in 0u32..1 << samples.len() {
            if subset.count_ones() as usize != drawn {
                continue;
            }
            let of = samples.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1);
            let of: Vec<Candidate> = of.map(|(_, sample)| *sample).collect();
            let highest = of
                .iter()
                .map(Candidate::rank)
                .fold((false, f32::NEG_INFINITY), |a, b| if (b.0, b.1) > (a.0, a.1) { b } else { a });
            let chosen: Vec<&Candidate> = of.iter().filter(|one| one.rank() == highest).collect();
            best += chosen.iter().filter(|one| one.right).count() as f64 / chosen.len() as f64;
            oracle += f64::from(u8::from(of.iter().any(|one| one.right)));
            subsets += 1.0;
        }
        (best / subsets, oracle / subsets)
    }

    #[test]
    fn the_closed_form_is_what_trying_all_draws_gives() {
        let nothing = Candidate { answer: None, right: false, reward: None, count: 2 };
        let cases = [
            vec![candidate(true, Some(0.9), 1), candidate(false, Some(0.2), 7)],
            vec![candidate(false, Some(0.9), 2), candidate(true, Some(0.4), 3), nothing],
            // Equal rewards, an answer without one, and what is none.
            vec![
                candidate(true, Some(0.5), 2),
                candidate(false, Some(0.5), 1),
                candidate(false, Some(0.1), 3),
                candidate(true, None, 2),
                nothing,
            ],
            vec![nothing],
        ];
        for candidates in cases {
            for drawn in 1..=samples(&candidates) {
                let (best_tried, oracle_tried) = tried(&candidates, drawn);
                let found = (best(&candidates, drawn), oracle(&candidates, drawn));
                assert!((found.0 - best_tried).abs() < 1e-12, "{candidates:?} {drawn}: {found:?}");
                assert!((found.1 - oracle_tried).abs() < 1e-12, "{candidates:?} {drawn}: {found:?}");
            }
            assert!((best(&candidates, 1) - single(&candidates)).abs() < 1e-12);
        }
    }

    #[test]
    fn with_all_drawn_the_highest_reward_decides_alone() {
        let candidates = [candidate(false, Some(0.2), 20), candidate(true, Some(0.3), 1)];
        assert_eq!(best(&candidates, 21), 1.0);
        assert_eq!(oracle(&candidates, 21), 1.0);
        assert!((best(&candidates, 7) - 7.0 / 21.0).abs() < 1e-12);
    }
}
