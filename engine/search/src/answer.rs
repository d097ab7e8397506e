//! A partial answer: what the policy wrote so far and what was decided by it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use toolbeam_grammar::{Call, Layout, Parser, Step, calls_of};

use crate::rules::Rules;

/// An answer, complete or not. It is never changed once a beam holds it; an expansion makes a new
/// one.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the answer may still decide.
    pub rules: Arc<Rules>,
    /// So many bytes at the beginning of `text` were dictated by the rules.
    pub dictated: usize,
    /// The policy's tokens as they were generated, behind what was dictated; never re-tokenised. An
    /// answer that the rules closed has none for its last expansion.
    pub token_ids: Vec<u32>,
    /// What was dictated and the bytes of the tokens. They may run past the last step's boundary.
    pub text: Vec<u8>,
    /// The parser after `text`.
    pub parser: Parser,
    /// The decisions so far, in generated order.
    pub steps: Vec<Step>,
    /// A digest of `steps`, so that telling answers apart costs the same however long they are.
    pub(crate) digest: u64,
    /// One entry per step, in [0, 1] for the process reward models: `None` where the step was not
    /// scored, or the reward model has no such marker.
    pub rewards: Vec<Option<f32>>,
    /// So many steps, from the first, the reward model was asked about.
    pub scored: usize,
    /// Sum of the tokens' log-probabilities under the policy.
    pub log_probability: f64,
}

impl Answer {
    /// The answer of which the policy has written nothing yet. It has the steps that `rules`
    /// dictate, and is complete if nothing is left to decide.
    pub fn root(layout: Layout, rules: Arc<Rules>) -> Answer {
        let text = rules.beginning(layout).into_bytes();
        let mut parser = Parser::new(layout);
        let steps: Vec<Step> = parser.feed(&text).into_iter().map(|boundary| boundary.step).collect();
        Answer {
            rules,
            dictated: text.len(),
            token_ids: Vec::new(),
            text,
            parser,
            digest: digest(0, &steps),
            rewards: vec![None; steps.len()],
            scored: 0,
            steps,
            log_probability: 0.0,
        }
    }

    /// This answer with more tokens, text and steps, and the parser behind them. The new steps have no rewards.
    pub(crate) fn extended(
        &self,
        token_ids: &[u32],
        text: &[u8],
        new_steps: impl ExactSizeIterator<Item = Step>,
        parser: Parser,
    ) -> Answer {
        let mut steps = Vec::with_capacity(self.steps.len() + new_steps.len());
        steps.extend_from_slice(&self.steps);
        steps.extend(new_steps);
        let mut rewards = Vec::with_capacity(steps.len());
        rewards.extend_from_slice(&self.rewards);
        rewards.resize(steps.len(), None);
        Answer {
            rules: Arc::clone(&self.rules),
            dictated: self.dictated,
            token_ids: [&self.token_ids, token_ids].concat(),
            text: [&self.text, text].concat(),
            parser,
            digest: digest(self.digest, &steps[self.steps.len()..]),
            steps,
            rewards,
            scored: self.scored,
            log_probability: self.log_probability,
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

/// The digest of all steps, of which `before` is that of the earlier ones.
fn digest(before: u64, steps: &[Step]) -> u64 {
    steps.iter().fold(before, |before, step| {
        let mut hasher = DefaultHasher::new();
        before.hash(&mut hasher);
        step.hash(&mut hasher);
        hasher.finish()
    })
}
