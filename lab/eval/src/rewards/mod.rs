//! How good a reward model is, on answers that are there: [`evaluate_rewards`] on pairs of a right and a
//! wrong answer ([`RewardPair`]), which [`reward_pairs`] makes of a set and of policies' wrong answers.

mod disguise;
mod evaluate;
mod fault;
mod measures;
mod pair;

pub use disguise::Disguise;
pub use evaluate::{Pairwise, RewardReport, evaluate_rewards};
pub use measures::Measures;
pub use pair::{GivenAnswer, RewardPair, read_pairs, reward_pairs, write_pairs};
