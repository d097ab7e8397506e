//! What the other services serve, and whether a request can be carried out with it.

use tokio::time::Instant;
use toolbeam_grammar::Layout;
use toolbeam_proto::v1::{
    AnswerLayout, GetModelInfoRequest, GetModelInfoResponse, GetSearchModelsResponse, RewardKind,
};
use toolbeam_search::{Failure, StrategyKind};
use toolbeam_serve::Violation;

use crate::confidence::Confidence;
use crate::error::{GatewayError, failure};
use crate::request::Plan;
use crate::upstream::{PolicyClient, ScorerClient, attempts, timed};

/// Both services' models. Asked for at the start of every search, so that a model
/// that was replaced is noticed at once.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) policy: GetModelInfoResponse,
    pub(crate) scorer: GetModelInfoResponse,
}

impl Models {
    /// Asks both services side by side.
    pub(crate) async fn ask(
        policy: &PolicyClient,
        scorer: &ScorerClient,
        deadline: Option<Instant>,
    ) -> Result<Models, Failure> {
        let policy = attempts(deadline, async || {
            let request = timed(GetModelInfoRequest {}, deadline);
            let reply = policy.clone().get_model_info(request).await;
            reply.map_err(|status| failure("policy", &status))
        });
        let scorer = attempts(deadline, async || {
            let request = timed(GetModelInfoRequest {}, deadline);
            let reply = scorer.clone().get_model_info(request).await;
            reply.map_err(|status| failure("scorer", &status))
        });
        let (policy, scorer) = futures::future::try_join(policy, scorer).await?;
        Ok(Models { policy: policy.into_inner(), scorer: scorer.into_inner() })
    }

    /// Refuses what these models cannot do, and says how far their answers can be trusted. The plan takes over
    /// how the policy writes answers.
    pub(crate) fn check(&self, plan: &mut Plan) -> Result<Confidence, GatewayError> {
        if !plan.model.is_empty() && plan.model != self.policy.model {
            return Err(GatewayError::Invalid(vec![Violation {
                field: "model".to_owned(),
                description: format!(
                    "this gateway serves {:?}; name it or leave the field empty",
                    self.policy.model
                ),
            }]));
        }
        plan.settings.layout = match self.policy.answer_layout() {
            AnswerLayout::JsonList => Layout::JsonList,
            AnswerLayout::Hermes => Layout::Hermes,
            AnswerLayout::Unspecified => {
                return Err(GatewayError::Models(
                    "the policy writes answers in a layout that this gateway does not know; serve one \
                     that writes a JSON list or <tool_call> blocks"
                        .to_owned(),
                ));
            }
        };
        match (plan.settings.strategy, self.scorer.reward_kind()) {
            (
                StrategyKind::Greedy
                | StrategyKind::Majority
                | StrategyKind::BestOfN
                | StrategyKind::TokenBeam,
                _,
            )
            | (_, RewardKind::Toolprm | RewardKind::CPrm | RewardKind::Unspecified) => {}
            (
                StrategyKind::FineGrainedBeam | StrategyKind::DiverseBeam | StrategyKind::Adaptive,
                RewardKind::Orm | RewardKind::Toolrm,
            ) => {
                return Err(GatewayError::Models(
                    "an outcome reward model cannot judge steps; use STRATEGY_KIND_BEST_OF_N, _MAJORITY or \
                     _GREEDY, or serve a process reward model"
                        .to_owned(),
                ));
            }
        }
        Confidence::new(self.scorer.reward_kind(), plan.settings.strategy, plan.abstain_below)
    }
}

impl From<Models> for GetSearchModelsResponse {
    fn from(models: Models) -> GetSearchModelsResponse {
        GetSearchModelsResponse { policy: Some(models.policy), scorer: Some(models.scorer) }
    }
}
