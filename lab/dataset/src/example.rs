//! Prompts that stand by themselves, tools inline, and answers to them with labels: what the steps from a
//! source to a training set hand to each other, a line each.

use serde::{Deserialize, Serialize};

use crate::set::{Answer, Message, Tool};

/// A prompt with its right calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Example {
    /// Its id, once in a set.
    pub id: String,
    /// Where it comes from: a set's name, or `synthetic`.
    pub source: String,
    /// Whether names of functions and parameters are random (Hammer's function masking).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// The tools that may be called, in the order in which they are shown.
    pub tools: Vec<Tool>,
    /// The right calls; none if no call fits.
    pub answers: Vec<Answer>,
}

/// Answers that a policy gave to a prompt, equal ones once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollouts {
    /// The prompt, and what is right.
    pub prompt: Example,
    /// What was sampled, most frequent first.
    pub samples: Vec<Sample>,
}

/// An answer that a policy gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What the policy wrote, without the end of its turn; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// How many of the samples were this one.
    pub count: u32,
    /// The sum of its tokens' log-probabilities at temperature 1, in nats.
    pub log_probability: f64,
    /// Whether it was complete; otherwise it is no answer, or a limit ended it.
    pub complete: bool,
}

/// A prompt and answers to it whose steps are labelled (paper, section 3.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabelledPrompt {
    /// The prompt, and what is right.
    pub prompt: Example,
    /// The answers, each once.
    pub trajectories: Vec<Trajectory>,
}

/// An answer with a label per step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trajectory {
    /// Its calls.
    pub calls: Vec<Answer>,
    /// `+` or `-` for each of its steps, in order.
    pub labels: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How many of the samples were this one; 1 where none was.
    pub count: u32,
}

/// Where a trajectory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The policy gave it.
    Rollout,
    /// It is the right answer, which no sample was.
    Gold,
    /// It is the right answer with one decision made wrong.
    Corruption,
}

impl Trajectory {
    /// Whether the whole answer is right.
    pub fn is_right(&self) -> bool {
        self.labels.ends_with('+')
    }
}

impl Origin {
    /// Its name, as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Rollout => "rollout",
            Origin::Gold => "gold",
            Origin::Corruption => "corruption",
        }
    }
}
