//! What makes a run what it is. Two runs with equal settings on equal data are equal, in float32 on one machine
//! to the bit.

use serde::{Deserialize, Serialize};
use toolbeam_reward::RewardKind;

use crate::TrainError;

/// Everything that decides what is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What is learned.
    pub task: Task,
    /// How long.
    pub length: Length,
    /// The most tokens of a batch, padding included. A longer row is a batch by itself.
    pub batch_tokens: usize,
    /// Batches of a step, whose gradients are those of one batch of them all.
    pub accumulate: usize,
    /// The longest row, in tokens: a prompt with its answers. Answers that do not fit go into another row.
    pub longest: usize,
    /// How gradients change the weights.
    pub optimizer: OptimizerSettings,
    /// The share of the run over which the rate rises.
    pub warmup: f64,
    /// The share of the rate to which a cosine falls at the end of the run.
    pub floor: f64,
    /// The longest gradient; longer ones are shortened to it.
    pub clip: f64,
    /// Decides the order of the data, and which prompt tokens are predicted.
    pub seed: u64,
}

/// What is learned from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A policy, from right answers: next-token cross-entropy.
    Answers {
        /// The share of the prompts' tokens that are predicted too.
        prompt_share: f64,
        /// What their mean loss counts beside that of answers.
        prompt_weight: f64,
    },
    /// A reward model with label tokens, from labelled steps: cross-entropy at the markers (paper, Eq. 1).
    Labels {
        /// ToolPRM, C-PRM or ORM.
        kind: RewardKind,
        /// Over which logits the probability of a label is taken.
        softmax: Softmax,
    },
    /// A ToolRM, from right and wrong answers to one prompt: Bradley-Terry (arXiv 2509.11963).
    Preferences {
        /// What the square of the sum of both rewards counts, which keeps rewards around zero.
        centring: f64,
    },
}

/// What a label's probability is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Softmax {
    /// The two labels, as rewards are.
    Labels,
    /// The whole vocabulary, as in the paper's text.
    Vocabulary,
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// After so many steps.
    Steps(u64),
    /// When every row was seen so often.
    Epochs(u64),
    /// After so many minutes of training, over all its parts. The rate follows the time, so that two runs
    /// are never quite equal.
    Minutes(f64),
}

/// How gradients change the weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerSettings {
    /// AdamW: of all parameters, or of those that Muon leaves.
    pub adamw: AdamWSettings,
    /// Muon for the matrices of the layers.
    pub muon: Option<MuonSettings>,
}

/// AdamW (arXiv 1711.05101).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamWSettings {
    /// The highest rate.
    pub rate: f64,
    /// How long the gradients' mean and the mean of their squares remember.
    pub betas: (f64, f64),
    /// What is added to the root of the squares.
    pub epsilon: f64,
    /// By which share, times the rate, matrices shrink; not norms, biases and the embedding.
    pub decay: f64,
}

/// Muon (Jordan and others, 2024): momentum, made orthogonal by Newton-Schulz iterations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MuonSettings {
    /// The highest rate.
    pub rate: f64,
    /// The momentum, which rises to it from 0.85 over the first 200 steps.
    pub momentum: f64,
    /// By which share, times the rate, matrices shrink.
    pub decay: f64,
}

impl Settings {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// [`TrainError::Setting`] naming the flag.
    pub fn check(&self) -> Result<(), TrainError> {
        let refuse =
            |setting, message: &str| Err(TrainError::Setting { setting, message: message.to_owned() });
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
        match self.length {
            Length::Steps(0) => return refuse("steps", "is 0; give at least 1"),
            Length::Epochs(0) => return refuse("epochs", "is 0; give at least 1"),
            Length::Minutes(minutes) if !is_rate(minutes) => {
                return refuse("minutes", "must be above 0");
            }
            Length::Steps(_) | Length::Epochs(_) | Length::Minutes(_) => {}
        }
        if self.batch_tokens == 0 || self.longest == 0 || self.accumulate == 0 {
            return refuse("batch-tokens", "is 0, or --longest or --accumulate is; give at least 1");
        }
        if !is_share(self.warmup) || !is_share(self.floor) {
            return refuse("warmup", "and --floor are shares; give 0 to 1");
        }
        if !is_rate(self.clip) {
            return refuse("clip", "must be above 0");
        }
        let AdamWSettings { rate, betas, epsilon, decay } = self.optimizer.adamw;
        if !is_rate(rate) || !is_rate(epsilon) || !is_share(decay) {
            return refuse("learning-rate", "and --epsilon must be above 0, and --weight-decay 0 to 1");
        }
        if !(0.0..1.0).contains(&betas.0) || !(0.0..1.0).contains(&betas.1) {
            return refuse("beta1", "and --beta2 must be at least 0 and below 1");
        }
        if self.optimizer.muon.is_some_and(|muon| !is_rate(muon.rate)) {
            return refuse("muon-rate", "must be above 0");
        }
        match self.task {
            Task::Answers { prompt_share, prompt_weight }
                if !is_share(prompt_share) || !is_share(prompt_weight) =>
            {
                refuse("prompt-share", "and --prompt-weight are shares; give 0 to 1")
            }
            Task::Labels { kind: RewardKind::ToolRm, .. } => refuse("kind", "toolrm learns from preferences"),
            Task::Preferences { centring } if !(centring.is_finite() && centring >= 0.0) => {
                refuse("centring", "must not be negative")
            }
            Task::Answers { .. } | Task::Labels { .. } | Task::Preferences { .. } => Ok(()),
        }
    }
}
