//! Finished answers. They take no beam slot.

use std::cmp::Ordering;
use std::sync::Arc;

use toolbeam_grammar::{Call, Step};

use crate::answer::Answer;
use crate::outcome::FinishedAnswer;
use crate::settings::{Settings, StrategyKind};

/// The distinct complete, valid answers found so far.
#[derive(Debug)]
pub(crate) struct Pool {
    settings: Settings,
    answers: Vec<FinishedAnswer>,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Pool {
        Pool { settings: settings.clone(), answers: Vec::new() }
    }

    /// Whether a complete answer makes only calls that the tools' schemas allow.
    pub(crate) fn admits(&self, answer: &Answer) -> bool {
        let Some(calls) = answer.calls() else { return false };
        match &self.settings.tools {
            Some(tools) => calls.iter().all(|call| tools.validate(call).is_ok()),
            None => true,
        }
    }

    /// Takes a complete answer; false if it is not admitted. An answer has no future once it is
    /// finished, so equal decisions are one answer here whatever state the parser is in. By majority equal
    /// calls are one, in whatever order they and their arguments come.
    pub(crate) fn offer(&mut self, answer: Arc<Answer>, count: u32) -> bool {
        if !self.admits(&answer) {
            return false;
        }
        let Some(calls) = answer.calls() else { return false };
        let votes = self.votes();
        let known = self
            .answers
            .iter_mut()
            .find(|known| known.answer.steps == answer.steps || (votes && same_calls(&known.calls, &calls)));
        let reward = answer.total_reward();
        let Some(known) = known else {
            self.answers.push(FinishedAnswer { calls, answer, reward, count, vote_share: None });
            self.count_votes();
            return true;
        };
        known.count = known.count.saturating_add(count);
        if answer.log_probability > known.answer.log_probability {
            (known.calls, known.reward, known.answer) = (calls, reward, answer);
        }
        self.count_votes();
        true
    }

    /// Gives an answer the rewards that were found for it later.
    pub(crate) fn award(&mut self, answer: &Arc<Answer>) {
        if let Some(known) = self.answers.iter_mut().find(|known| known.answer.steps == answer.steps) {
            known.reward = answer.total_reward();
            known.answer = Arc::clone(answer);
        }
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

    /// The best answers: more votes where they decide, else higher `<TOTAL_FINISH>` reward (none is lowest);
    /// then higher count, higher log-probability, found earlier.
    pub(crate) fn best(&self, most: u32) -> impl Iterator<Item = &FinishedAnswer> {
        let mut answers: Vec<&FinishedAnswer> = self.answers.iter().collect();
        answers.sort_by(|a, b| self.rank(a, b));
        answers.into_iter().take(usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn rank(&self, a: &FinishedAnswer, b: &FinishedAnswer) -> Ordering {
        let value = |it: &FinishedAnswer| match it.reward {
            _ if self.votes() => f32::NEG_INFINITY,
            Some(reward) => self.settings.blend(reward, &it.answer),
            // Where rewards have no weight, none is needed.
            None if self.settings.log_probability_weight == 1.0 => self.settings.blend(0.0, &it.answer),
            None => f32::NEG_INFINITY,
        };
        let probability = |it: &FinishedAnswer| it.answer.log_probability;
        value(b)
            .total_cmp(&value(a))
            .then(b.count.cmp(&a.count))
            .then(probability(b).total_cmp(&probability(a)))
    }

    fn votes(&self) -> bool {
        self.settings.strategy == StrategyKind::Majority
    }

    fn count_votes(&mut self) {
        if self.votes() {
            let all = self.settings.samples().max(1) as f32;
            self.answers.iter_mut().for_each(|it| it.vote_share = Some(it.count as f32 / all));
        }
    }
}

/// Whether two answers make the same calls, in whatever order.
fn same_calls(these: &[Call], those: &[Call]) -> bool {
    let mut left: Vec<&Call> = those.iter().collect();
    these.len() == those.len()
        && these.iter().all(|call| {
            let place = left.iter().position(|other| *other == call);
            place.map(|place| left.swap_remove(place)).is_some()
        })
}
