//! A partial answer: what the policy wrote so far and what was decided by it.

use toolbeam_grammar::{Call, Layout, Parser, Step, calls_of};

/// An answer, complete or not. It is never changed once a beam holds it; an expansion makes a new
/// one.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The policy's tokens as they were generated; never re-tokenised.
    pub token_ids: Vec<u32>,
    /// The bytes of the tokens. They may run past the last step's boundary.
    pub text: Vec<u8>,
    /// The parser after `text`.
    pub parser: Parser,
    /// The decisions so far, in generated order.
    pub steps: Vec<Step>,
    /// One entry per step, in [0, 1] for the process reward models: `None` where the step was not
    /// scored, or the reward model has no such marker.
    pub rewards: Vec<Option<f32>>,
    /// Sum of the tokens' log-probabilities under the policy.
    pub log_probability: f64,
}

impl Answer {
    /// The answer of which nothing is written yet.
    pub fn root(layout: Layout) -> Answer {
        Answer {
            token_ids: Vec::new(),
            text: Vec::new(),
            parser: Parser::new(layout),
            steps: Vec::new(),
            rewards: Vec::new(),
            log_probability: 0.0,
        }
    }

    /// Whether nothing is left to decide.
    pub fn is_complete(&self) -> bool {
        matches!(self.steps.last(), Some(Step::TotalFinish))
    }

    /// The calls, if the answer is complete.
    pub fn calls(&self) -> Option<Vec<Call>> {
        calls_of(&self.steps)
    }

    /// The reward at `<TOTAL_FINISH>`, which ranks finished answers.
    pub fn total_reward(&self) -> Option<f32> {
        if self.is_complete() { self.rewards.last().copied().flatten() } else { None }
    }
}
