//! Reward-model inputs and label scores, on top of the runtime.
//!
//! A ToolPRM reads the prompt and then the answer's decisions, rendered canonically, with a marker
//! token at every boundary. The reward of a step is p(+) at its marker: the softmax over the logits
//! of the two label tokens (paper, section 3.3). Labels are targets and never inputs, so that one
//! forward pass scores every step. Coarser models have markers at fewer boundaries; a ToolRM reads
//! the whole answer and the end of the turn, and gives the sigmoid of its number. A [`Calibration`] in
//! `toolbeam.json` divides what becomes a reward.

mod answer;
mod calibration;
mod error;
mod input;
mod kind;
mod model;
mod profile;

pub use answer::{AnswerCall, answer_steps, answer_text};
pub use calibration::Calibration;
pub use error::RewardError;
pub use input::{RewardInput, RewardTokens};
pub use kind::RewardKind;
pub use model::{Judged, JudgedAnswers, RewardModel};
