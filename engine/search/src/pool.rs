//! Finished answers. They take no beam slot.

use std::sync::Arc;

use toolbeam_grammar::Step;
use toolbeam_grammar::schema::ToolSet;

use crate::answer::Answer;
use crate::outcome::FinishedAnswer;

/// The distinct complete, valid answers found so far.
#[derive(Debug)]
pub(crate) struct Pool {
    tools: Option<Arc<ToolSet>>,
    answers: Vec<FinishedAnswer>,
}

impl Pool {
    pub(crate) fn new(tools: Option<Arc<ToolSet>>) -> Pool {
        Pool { tools, answers: Vec::new() }
    }

    /// Whether a complete answer makes only calls that the tools' schemas allow.
    pub(crate) fn admits(&self, answer: &Answer) -> bool {
        let Some(calls) = answer.calls() else { return false };
        match &self.tools {
            Some(tools) => calls.iter().all(|call| tools.validate(call).is_ok()),
            None => true,
        }
    }

    /// Takes a complete answer; false if it is not admitted. An answer has no future once it is
    /// finished, so equal decisions are one answer here whatever state the parser is in.
    pub(crate) fn offer(&mut self, answer: Arc<Answer>, count: u32) -> bool {
        if !self.admits(&answer) {
            return false;
        }
        let known = self.answers.iter_mut().find(|known| known.answer.steps == answer.steps);
        if let Some(known) = known {
            known.count = known.count.saturating_add(count);
            if answer.log_probability > known.answer.log_probability {
                known.reward = answer.total_reward();
                known.answer = answer;
            }
        } else if let Some(calls) = answer.calls() {
            let reward = answer.total_reward();
            self.answers.push(FinishedAnswer { calls, answer, reward, count });
        }
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The steps of every answer.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &[Step]> {
        self.answers.iter().map(|finished| finished.answer.steps.as_slice())
    }

    /// The best answers: higher `<TOTAL_FINISH>` reward (none is lowest), higher count, higher
    /// log-probability, found earlier.
    pub(crate) fn take_best(&mut self, most: u32) -> Vec<FinishedAnswer> {
        let mut answers = std::mem::take(&mut self.answers);
        let reward = |it: &FinishedAnswer| it.reward.unwrap_or(f32::NEG_INFINITY);
        answers.sort_by(|a, b| {
            reward(b)
                .total_cmp(&reward(a))
                .then(b.count.cmp(&a.count))
                .then(b.answer.log_probability.total_cmp(&a.answer.log_probability))
        });
        answers.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        answers
    }
}
