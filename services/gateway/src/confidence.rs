//! How far an answer can be trusted, and when none is good enough.

use toolbeam_grammar::Step;
use toolbeam_proto::v1::RewardKind;
use toolbeam_search::{FinishedAnswer, StrategyKind};

use crate::error::GatewayError;

/// What is known of rewards, and what the caller demands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confidence {
    /// Whether the scorer's rewards are probabilities.
    probabilities: bool,
    /// The least confidence of an answer that may be acted on, 0 to 1.
    abstain_below: f32,
}

impl Confidence {
    /// # Errors
    /// `Models` if something is demanded and nothing here gives a confidence.
    pub(crate) fn new(
        rewards: RewardKind,
        strategy: StrategyKind,
        abstain_below: f32,
    ) -> Result<Confidence, GatewayError> {
        let probabilities = rewards != RewardKind::Toolrm;
        if abstain_below > 0.0 && !probabilities && strategy != StrategyKind::Majority {
            return Err(GatewayError::Models(
                "the rewards of REWARD_KIND_TOOLRM are no probabilities, so that nothing says when to abstain; \
                 use STRATEGY_KIND_MAJORITY, leave out abstain_below, or serve another reward model"
                    .to_owned(),
            ));
        }
        Ok(Confidence { probabilities, abstain_below })
    }

    /// How likely an answer is right.
    pub(crate) fn of_answer(self, finished: &FinishedAnswer) -> Option<f32> {
        finished.vote_share.or(finished.reward.filter(|_| self.probabilities))
    }

    /// How likely each call is right; empty if one is unknown.
    pub(crate) fn of_calls(self, finished: &FinishedAnswer) -> Vec<f32> {
        let answer = &finished.answer;
        let judged = answer.steps.iter().zip(&answer.rewards);
        let calls = judged.filter(|(step, _)| **step == Step::FuncFinish).map(|(_, reward)| *reward);
        let known = if self.probabilities { calls.collect() } else { None };
        known.unwrap_or_default()
    }

    /// Whether the best answer is not good enough. An unknown confidence never is.
    pub(crate) fn abstains(self, best: Option<&FinishedAnswer>) -> bool {
        let short = |best| self.of_answer(best).is_none_or(|confidence| confidence < self.abstain_below);
        self.abstain_below > 0.0 && best.is_some_and(short)
    }
}
