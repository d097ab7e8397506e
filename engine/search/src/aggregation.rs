//! How the rewards at several markers become one.

use std::ops::Range;

use crate::answer::Answer;

/// How rewards become one. The paper's step reward is the model's p(+) at one marker; an expansion
/// may cross several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// The smallest.
    Min,
    /// The last.
    Last,
    /// Their product.
    Product,
    /// Their arithmetic mean.
    Mean,
}

/// Which markers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of the candidate's last expansion.
    Expansion,
    /// All from the start of the answer.
    Path,
}

/// The reward of the root, from which a first expansion inherits if it crosses no marker of the
/// reward model: nothing speaks against an empty answer yet.
pub(crate) const ROOT_REWARD: f32 = 1.0;

impl Aggregation {
    /// One reward of many; `None` of none.
    pub(crate) fn of(self, rewards: impl Iterator<Item = f32>) -> Option<f32> {
        match self {
            Aggregation::Min => rewards.reduce(f32::min),
            Aggregation::Last => rewards.last(),
            Aggregation::Product => rewards.reduce(|product, reward| product * reward),
            Aggregation::Mean => {
                let (sum, count) =
                    rewards.fold((0.0f64, 0u32), |(sum, count), reward| (sum + f64::from(reward), count + 1));
                (count > 0).then(|| (sum / f64::from(count)) as f32)
            }
        }
    }

    /// The reward by which a scored candidate is pruned. If its expansion crosses no marker of the
    /// reward model, it is its parent's, `inherited`.
    pub(crate) fn of_candidate(
        self,
        scope: Scope,
        answer: &Answer,
        new_steps: &Range<usize>,
        inherited: f32,
    ) -> f32 {
        let fresh = answer.rewards[new_steps.clone()].iter().copied().flatten();
        if fresh.clone().next().is_none() {
            return inherited;
        }
        let reward = match scope {
            Scope::Expansion => self.of(fresh),
            Scope::Path => self.of(answer.rewards.iter().copied().flatten()),
        };
        reward.unwrap_or(inherited)
    }
}
