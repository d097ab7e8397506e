//! The scorer port over gRPC.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use toolbeam_actors::{ScoreReply, ScoreRequest, ScorerPort};
use toolbeam_proto::v1::{self, PromptRef};
use toolbeam_search::{Failure, Judgement, RewardUsage};

use super::ScorerClient;
use super::attempts::timed;
use super::session::{Replied, Session};
use crate::error::Called;
use crate::step;

/// Asks the scorer service on behalf of one search.
#[derive(Debug, Clone)]
pub(crate) struct GrpcScorer {
    client: ScorerClient,
    session: Arc<Session>,
    deterministic: bool,
}

impl GrpcScorer {
    pub(crate) fn new(client: ScorerClient, session: Arc<Session>, deterministic: bool) -> GrpcScorer {
        GrpcScorer { client, session, deterministic }
    }

    async fn ask(self, request: ScoreRequest) -> Result<ScoreReply, Failure> {
        let deadline = request.deadline.map(Into::into);
        let response = self
            .session
            .call(deadline, |prompt| {
                let message = self.message(&request, prompt);
                score(self.client.clone(), timed(message, deadline))
            })
            .await?;
        self.read(&request, response)
    }

    fn message(&self, request: &ScoreRequest, prompt: PromptRef) -> v1::ScoreRequest {
        let answers = request.candidates.iter().map(|(answer, first_step)| v1::ParsedAnswer {
            steps: answer.steps.iter().map(step::to_proto).collect(),
            // The grammar bounds an answer to far fewer steps.
            first_step: u32::try_from(*first_step).unwrap_or(u32::MAX),
            text: answer.text.clone(),
        });
        v1::ScoreRequest {
            search_id: self.session.search_id(),
            prompt: Some(prompt),
            model_fingerprint: self.session.fingerprint(),
            answers: answers.collect(),
            deterministic: self.deterministic,
        }
    }

    /// Checks a reply: one reward per step that was asked for, in order.
    fn read(&self, request: &ScoreRequest, response: v1::ScoreResponse) -> Result<ScoreReply, Failure> {
        if response.answers.len() != request.candidates.len() {
            return Err(self.session.broken("not as many answers as were sent"));
        }
        let judgements = request
            .candidates
            .iter()
            .zip(response.answers)
            .map(|((answer, first_step), rewards)| {
                let steps = *first_step..answer.steps.len();
                if steps.len() != rewards.rewards.len() {
                    return Err(self.session.broken("not as many rewards as steps"));
                }
                if rewards.over_context {
                    return Ok(Judgement::OverContext);
                }
                let rewards = steps.zip(rewards.rewards).map(|(step, reward)| self.reward(step, reward));
                Ok(Judgement::Rewards(rewards.collect::<Result<_, _>>()?))
            })
            .collect::<Result<_, _>>()?;
        let usage = response.usage.unwrap_or_default();
        let usage = RewardUsage {
            prompt_tokens: usage.prompt_tokens,
            cached_tokens: usage.cached_tokens,
            answer_tokens: usage.answer_tokens,
            distinct_tokens: usage.distinct_tokens,
        };
        Ok(ScoreReply { judgements, usage })
    }

    fn reward(&self, step: usize, given: v1::StepReward) -> Result<Option<f32>, Failure> {
        if given.step as usize != step {
            return Err(self.session.broken("a reward is for another step"));
        }
        match given.reward {
            Some(reward) if !(0.0..=1.0).contains(&reward) => {
                Err(self.session.broken("a reward is outside [0, 1]"))
            }
            reward => Ok(reward),
        }
    }
}

impl ScorerPort for GrpcScorer {
    fn score(&self, request: ScoreRequest) -> BoxFuture<'static, Result<ScoreReply, Failure>> {
        self.clone().ask(request).boxed()
    }
}

async fn score(
    mut client: ScorerClient,
    request: tonic::Request<v1::ScoreRequest>,
) -> Called<Replied<v1::ScoreResponse>> {
    let mut response = client.score(request).await?.into_inner();
    Ok(Replied {
        model_fingerprint: std::mem::take(&mut response.model_fingerprint),
        prompt_digest: std::mem::take(&mut response.prompt_digest),
        value: response,
    })
}
