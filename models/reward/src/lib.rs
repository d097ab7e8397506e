//! Reward-model inputs and label scores, on top of the runtime.
//!
//! A ToolPRM reads the prompt and then the answer's decisions, rendered canonically, with a marker
//! token at every boundary. The reward of a step is p(+) at its marker: the softmax over the logits
//! of the two label tokens (paper, section 3.3). Labels are targets and never inputs, so that one
//! forward pass scores every step.

mod error;
mod input;
mod model;
mod profile;

pub use error::RewardError;
pub use input::{RewardInput, RewardTokens};
pub use model::{Judged, JudgedAnswers, RewardModel};
