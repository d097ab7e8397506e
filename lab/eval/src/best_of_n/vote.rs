//! The answer that comes most often.

use super::candidate::{Candidate, samples, single};
use crate::draws::Draws;

/// How often samples are drawn for an expectation.
const DRAWS: usize = 400;

/// How likely the most frequent answer among `drawn` samples is right, by the mean over draws without
/// replacement; exact where there is only one way to draw, or one sample. What is no answer has no vote. Of
/// answers that are equally frequent each is chosen alike.
pub(super) fn majority(candidates: &[Candidate], drawn: usize, draws: &mut Draws) -> f64 {
    if drawn <= 1 {
        return single(candidates);
    }
    let mut all: Vec<Candidate> =
        candidates.iter().flat_map(|one| std::iter::repeat_n(*one, one.count as usize)).collect();
    if drawn >= samples(candidates) {
        return elected(&all);
    }
    let mut sum = 0.0;
    for _ in 0..DRAWS {
        draws.bring_forward(&mut all, drawn);
        sum += elected(&all[..drawn]);
    }
    sum / DRAWS as f64
}

/// The share of the most frequent answers that is right.
fn elected(drawn: &[Candidate]) -> f64 {
    let mut votes: Vec<(usize, bool, u32)> = Vec::new();
    for candidate in drawn {
        let Some(answer) = candidate.answer else { continue };
        match votes.iter_mut().find(|(of, ..)| *of == answer) {
            Some((.., votes)) => *votes += 1,
            None => votes.push((answer, candidate.right, 1)),
        }
    }
    let Some(most) = votes.iter().map(|(.., votes)| *votes).max() else { return 0.0 };
    let first: Vec<bool> =
        votes.iter().filter(|(.., votes)| *votes == most).map(|(_, right, _)| *right).collect();
    first.iter().filter(|right| **right).count() as f64 / first.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(answer: Option<usize>, right: bool, count: u32) -> Candidate {
        Candidate { answer, right, reward: None, count }
    }

    fn found(candidates: &[Candidate], drawn: usize) -> f64 {
        majority(candidates, drawn, &mut Draws::of(1, &["test"]))
    }

    #[test]
    fn the_most_frequent_answer_is_chosen() {
        let three = [candidate(Some(0), true, 3), candidate(Some(1), false, 2), candidate(None, false, 9)];
        assert_eq!(found(&three, 14), 1.0, "what is no answer has no vote");
        assert_eq!(found(&three, 1), 3.0 / 14.0);
        let tie = [candidate(Some(0), true, 2), candidate(Some(1), false, 2)];
        assert_eq!(found(&tie, 4), 0.5);
        // Two spellings of one answer vote together.
        let spelled =
            [candidate(Some(0), true, 2), candidate(Some(1), false, 3), candidate(Some(0), true, 2)];
        assert_eq!(found(&spelled, 7), 1.0);
        assert_eq!(found(&[candidate(None, false, 4)], 2), 0.0);
    }

    #[test]
    fn draws_come_near_the_expectation_and_are_the_same_again() {
        // Three of five: right if two or three of the three right ones are drawn.
        let candidates = [candidate(Some(0), true, 3), candidate(Some(1), false, 2)];
        let expected = (3.0 * 2.0 + 1.0) / 10.0;
        assert!((found(&candidates, 3) - expected).abs() < 0.08, "{}", found(&candidates, 3));
        assert_eq!(found(&candidates, 3), found(&candidates, 3));
    }
}
