//! What a run's outcomes add up to.

use std::collections::BTreeMap;

use super::outcome::Outcome;

/// The normal distribution's quantile of a two-sided 95% interval.
const Z: f64 = 1.959_963_985;

/// A run's counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// By category, in the order of their names.
    pub categories: BTreeMap<String, Category>,
    /// Over all records.
    pub all: Category,
    /// Answers that are not right, by fault.
    pub faults: BTreeMap<String, usize>,
    /// Id and message of every record without a reply.
    pub failed: Vec<(String, String)>,
}

/// Counts of one category. A record without a reply is in `total` and not right.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Category {
    /// Records.
    pub total: usize,
    /// Right ones.
    pub right: usize,
    /// Sum of wall times, in milliseconds.
    pub milliseconds: f64,
    /// Tokens of prompts that the policy computed.
    pub prompt_tokens: u64,
    /// Tokens behind prompts that the policy computed.
    pub policy_tokens: u64,
    /// Tokens of answers that the reward model computed.
    pub reward_tokens: u64,
}

impl Tally {
    /// Adds outcomes up.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Tally {
        let mut tally = Tally::default();
        tally.add(outcomes);
        tally
    }

    /// Adds more of them.
    pub(crate) fn add<'a>(&mut self, outcomes: impl IntoIterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            self.all.add(outcome);
            self.categories.entry(outcome.category.clone()).or_default().add(outcome);
            if let Some(fault) = &outcome.fault {
                *self.faults.entry(fault.clone()).or_default() += 1;
            }
            if let Some(message) = &outcome.failed {
                self.failed.push((outcome.id.clone(), message.clone()));
            }
        }
    }
}

impl Category {
    fn add(&mut self, outcome: &Outcome) {
        self.total += 1;
        self.right += usize::from(outcome.fault.is_none());
        self.milliseconds += outcome.milliseconds;
        self.prompt_tokens += outcome.prompt_tokens;
        self.policy_tokens += outcome.policy_tokens;
        self.reward_tokens += outcome.reward_tokens;
    }

    /// The share of right ones; 0 of none.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.total.max(1) as f64
    }

    /// The 95% interval of the accuracy (Wilson, 1927).
    pub fn interval(&self) -> (f64, f64) {
        interval(self.right, self.total)
    }

    /// A mean over the records of one of the sums.
    pub fn mean(&self, sum: f64) -> f64 {
        sum / self.total.max(1) as f64
    }
}

/// The 95% interval of a share (Wilson, 1927).
pub(crate) fn interval(right: usize, total: usize) -> (f64, f64) {
    let n = total.max(1) as f64;
    let p = right as f64 / n;
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        let category = Category { total: 100, right: 80, ..Category::default() };
        let (low, high) = category.interval();
        assert!((low - 0.7112).abs() < 1e-4 && (high - 0.8666).abs() < 1e-4, "{low} {high}");
        assert_eq!(Category { total: 10, ..Category::default() }.interval().0, 0.0);
        assert_eq!(Category::default().accuracy(), 0.0);
    }
}
