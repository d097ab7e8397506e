//! Means of what was seen while training and validating, by name.

use std::collections::BTreeMap;

/// Means by name, of which several can be added up, and what was said of whole answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Sums and counts.
    means: BTreeMap<&'static str, (f64, f64)>,
    /// Of every whole answer that was judged, what becomes its reward, and whether it is right.
    judged: Vec<(f32, bool)>,
}

impl Figures {
    /// Adds the sum of `count` values.
    pub(crate) fn add(&mut self, name: &'static str, sum: f64, count: f64) {
        let mean = self.means.entry(name).or_default();
        *mean = (mean.0 + sum, mean.1 + count);
    }

    /// Adds what a model said of a whole answer: a number that is above 0 where its reward is above 0.5.
    pub(crate) fn add_judged(&mut self, margin: f32, is_right: bool) {
        let number = |said: bool| f64::from(u8::from(said));
        let is_accepted = margin > 0.0;
        self.add(TRAJECTORIES, number(is_right == is_accepted), 1.0);
        match is_right {
            true => self.add(RIGHT_ACCEPTED, number(is_accepted), 1.0),
            false => self.add(WRONG_REJECTED, number(!is_accepted), 1.0),
        }
        self.judged.push((margin, is_right));
    }

    /// Adds what another has.
    pub(crate) fn merge(&mut self, other: &Figures) {
        for (name, (sum, count)) in &other.means {
            self.add(name, *sum, *count);
        }
        self.judged.extend(&other.judged);
    }

    /// A mean, if there is anything to take it of.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.means.get(name).filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count)
    }

    /// How many values a mean is of.
    pub fn count(&self, name: &str) -> f64 {
        self.means.get(name).map_or(0.0, |(_, count)| *count)
    }

    /// All means by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.means.keys().filter_map(|name| Some((*name, self.get(name)?)))
    }

    /// The mean of the shares of right trajectories that are accepted and of wrong ones that are rejected, if
    /// there are both.
    pub fn balanced(&self) -> Option<f64> {
        Some((self.get(RIGHT_ACCEPTED)? + self.get(WRONG_REJECTED)?) / 2.0)
    }

    /// The area under the ROC curve of whole answers, if there are right and wrong ones: how often a right one has
    /// the higher reward, half where they are equal (Mann and Whitney, 1947).
    pub fn area(&self) -> Option<f64> {
        let mut judged = self.judged.clone();
        judged.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (mut right, mut wrong, mut won) = (0.0, 0.0, 0.0);
        for equal in judged.chunk_by(|(one, _), (other, _)| one == other) {
            let is_right = equal.iter().filter(|(_, is_right)| *is_right).count() as f64;
            let is_wrong = equal.len() as f64 - is_right;
            won += is_right * (wrong + is_wrong / 2.0);
            (right, wrong) = (right + is_right, wrong + is_wrong);
        }
        (right * wrong > 0.0).then(|| won / (right * wrong))
    }
}

/// The loss that is minimised.
pub const LOSS: &str = "loss";
/// The share of tokens, steps or pairs that are got right.
pub const ACCURACY: &str = "accuracy";
/// The share of whole answers: predicted token by token, or judged at `TOTAL_FINISH` with 0.5.
pub const TRAJECTORIES: &str = "trajectories";
/// The share of right answers whose reward is above 0.5.
pub const RIGHT_ACCEPTED: &str = "right_accepted";
/// The share of wrong answers whose reward is not.
pub const WRONG_REJECTED: &str = "wrong_rejected";
/// The mean loss of predicted prompt tokens.
pub const PROMPT_LOSS: &str = "prompt_loss";
/// The share of steps that are right, whatever a model says.
pub const POSITIVE: &str = "positive";
/// How often the reward of a right answer is above that of a wrong one.
pub const AREA: &str = "area";
/// The mean of [`RIGHT_ACCEPTED`] and [`WRONG_REJECTED`].
pub const BALANCED: &str = "balanced";

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answers: &[(f32, bool)]) -> Figures {
        let mut figures = Figures::default();
        answers.iter().for_each(|(margin, is_right)| figures.add_judged(*margin, *is_right));
        figures
    }

    #[test]
    fn the_area_is_how_often_a_right_answer_is_above_a_wrong_one() {
        assert_eq!(judged(&[(0.1, true), (-3.0, false), (0.0, false)]).area(), Some(1.0));
        assert_eq!(judged(&[(1.0, true), (2.0, false), (0.5, false), (3.0, true)]).area(), Some(0.75));
        assert_eq!(judged(&[(1.0, true), (1.0, false)]).area(), Some(0.5));
        assert_eq!(judged(&[(1.0, true)]).area(), None);
        let mut halves = judged(&[(1.0, true), (2.0, false)]);
        halves.merge(&judged(&[(0.5, false), (3.0, true)]));
        assert_eq!(halves.area(), Some(0.75));
    }

    #[test]
    fn accepted_is_what_has_a_reward_above_one_half() {
        let found = judged(&[(0.1, true), (-0.1, true), (0.0, false), (2.0, false), (-1.0, false)]);
        assert_eq!((found.get(TRAJECTORIES), found.count(TRAJECTORIES)), (Some(0.6), 5.0));
        assert_eq!((found.get(RIGHT_ACCEPTED), found.count(WRONG_REJECTED)), (Some(0.5), 3.0));
        assert_eq!(found.balanced(), Some((0.5 + 2.0 / 3.0) / 2.0));
    }
}
