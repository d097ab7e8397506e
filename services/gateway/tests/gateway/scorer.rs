//! A scorer that dislikes every step in which the word "wrong" occurs.

use std::time::Duration;

use tonic::{Request, Response, Status};
use toolbeam_proto::v1::scorer_service_server::ScorerService;
use toolbeam_proto::v1::{
    AnswerRewards, GetModelInfoRequest, GetModelInfoResponse, Marker, ParsedAnswer, ReleaseRequest,
    ReleaseResponse, RewardKind, RewardUsage, ScoreRequest, ScoreResponse, StepReward,
};

use crate::policy::SharedLog;

pub(crate) const LIKED: f32 = 0.9;
pub(crate) const DISLIKED: f32 = 0.1;

/// What a scorer does.
#[derive(Clone)]
pub(crate) struct ScorerScript {
    /// How long each call takes.
    pub(crate) delay: Duration,
    /// Whether no digest is ever known.
    pub(crate) forgetful: bool,
    /// From this call of Score on, another model answers.
    pub(crate) replaced_after: Option<usize>,
    /// The granularity that it claims.
    pub(crate) kind: RewardKind,
    /// What it says of steps that it likes.
    pub(crate) liked: f32,
}

impl Default for ScorerScript {
    fn default() -> ScorerScript {
        ScorerScript {
            delay: Duration::ZERO,
            forgetful: false,
            replaced_after: None,
            kind: RewardKind::Toolprm,
            liked: LIKED,
        }
    }
}

pub(crate) struct FakeScorer {
    pub(crate) script: ScorerScript,
    pub(crate) log: SharedLog,
}

#[tonic::async_trait]
impl ScorerService for FakeScorer {
    async fn score(&self, request: Request<ScoreRequest>) -> Result<Response<ScoreResponse>, Status> {
        let request = request.into_inner();
        let begun = self.log.begin();
        let call = self.log.get().calls;
        let prompt_digest = self.log.prompt(request.prompt, self.script.forgetful)?;
        tokio::time::sleep(self.script.delay).await;
        let replaced = self.script.replaced_after.is_some_and(|after| call > after);
        begun.end();
        Ok(Response::new(ScoreResponse {
            answers: request.answers.iter().map(|answer| self.rewards(answer)).collect(),
            usage: Some(RewardUsage {
                prompt_tokens: 10,
                cached_tokens: 0,
                answer_tokens: 7,
                distinct_tokens: 16,
            }),
            model_fingerprint: if replaced { "scorer-2" } else { "scorer-1" }.to_owned(),
            prompt_digest,
        }))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        self.log.get().released.push(request.into_inner().search_id);
        Ok(Response::new(ReleaseResponse {}))
    }

    async fn get_model_info(
        &self,
        _request: Request<GetModelInfoRequest>,
    ) -> Result<Response<GetModelInfoResponse>, Status> {
        Ok(Response::new(GetModelInfoResponse {
            model: "fake-scorer".to_owned(),
            model_fingerprint: "scorer-1".to_owned(),
            reward_kind: self.script.kind.into(),
            ..GetModelInfoResponse::default()
        }))
    }
}

impl FakeScorer {
    /// The whole answer is as good as its worst step.
    fn rewards(&self, answer: &ParsedAnswer) -> AnswerRewards {
        let wrong =
            |step: &toolbeam_proto::v1::Step| step.value.contains("wrong") || step.name.contains("wrong");
        let rewards = answer.steps.iter().enumerate().skip(answer.first_step as usize);
        let rewards = rewards.map(|(index, step)| {
            let disliked = match step.marker() {
                Marker::TotalFinish => answer.steps.iter().any(wrong),
                _ => wrong(step),
            };
            let reward = if disliked { DISLIKED } else { self.script.liked };
            StepReward { step: index as u32, reward: Some(reward) }
        });
        AnswerRewards { rewards: rewards.collect(), over_context: false }
    }
}
