//! The RPCs.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use toolbeam_grammar::Marker;
use toolbeam_lm::{LmError, ModelHandle, Prompt, ReadUsage};
use toolbeam_proto::v1;
use toolbeam_proto::v1::scorer_service_server::{ScorerService, ScorerServiceServer};
use toolbeam_reward::{Judged, JudgedAnswers, RewardKind, RewardModel};
use toolbeam_serve::{Conversation, PromptStore, deadline, excerpt, require_search_id};

use crate::{ScorerConfig, ScorerError, request};

/// The scorer service over a loaded reward model.
#[derive(Clone)]
pub struct ScorerServer {
    inner: Arc<Inner>,
}

struct Inner {
    model: RewardModel,
    prompts: PromptStore<Prompt>,
}

impl ScorerServer {
    /// The service's name, for health checks.
    pub const NAME: &str = "toolbeam.v1.ScorerService";

    /// Serves `model`.
    pub fn new(model: RewardModel, config: &ScorerConfig) -> ScorerServer {
        let prompts = PromptStore::new(config.scorer_prompts);
        ScorerServer { inner: Arc::new(Inner { model, prompts }) }
    }

    /// The service as tonic takes it. Messages may have `max_message_bytes`.
    pub fn into_service(self, max_message_bytes: usize) -> ScorerServiceServer<ScorerServer> {
        ScorerServiceServer::new(self)
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(max_message_bytes)
    }
}

impl Inner {
    fn handle(&self) -> &ModelHandle {
        self.model.handle()
    }

    async fn score(&self, request: v1::ScoreRequest) -> Result<v1::ScoreResponse, ScorerError> {
        let served = &self.handle().info().fingerprint;
        if !request.model_fingerprint.is_empty() && request.model_fingerprint != *served {
            let pinned = excerpt(&request.model_fingerprint, 80);
            return Err(ScorerError::Fingerprint { pinned, served: served.clone() });
        }
        let answers = request::answers(&request.search_id, request.answers)?;
        let prompt = self.prompt(request.prompt.as_ref())?;
        let digest = prompt.digest;
        let first: Vec<usize> = answers.iter().map(|(_, first)| *first).collect();
        let (search_id, deterministic) = (request.search_id.clone(), request.deterministic);
        let judged = self
            .model
            .judge(JudgedAnswers { owner: request.search_id, prompt, answers, deterministic })
            .await?;
        tracing::debug!(search_id, usage = ?judged.usage, "scored");
        Ok(v1::ScoreResponse {
            answers: rewards_to_proto(&judged, &first),
            usage: Some(usage_to_proto(judged.usage)),
            model_fingerprint: served.clone(),
            prompt_digest: digest.to_vec(),
        })
    }

    fn prompt(&self, prompt: Option<&v1::PromptRef>) -> Result<Prompt, ScorerError> {
        let render = |read: Conversation| -> Result<_, LmError> {
            let prompt = self.handle().info().prompts.prompt(&read.messages, read.tools.as_ref())?;
            Ok((prompt.digest.to_vec(), prompt))
        };
        Ok(self.prompts.resolve(prompt, render)?)
    }
}

#[tonic::async_trait]
impl ScorerService for ScorerServer {
    async fn score(&self, request: Request<v1::ScoreRequest>) -> Result<Response<v1::ScoreResponse>, Status> {
        let deadline = deadline(request.metadata())?;
        let scored = toolbeam_serve::within(deadline, self.inner.score(request.into_inner())).await?;
        Ok(Response::new(scored?))
    }

    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::ReleaseResponse>, Status> {
        let search_id = request.into_inner().search_id;
        require_search_id(&search_id).map_err(|wrong| ScorerError::Invalid(vec![wrong]))?;
        self.inner.handle().forget(&search_id).map_err(ScorerError::from)?;
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn get_model_info(
        &self,
        _: Request<v1::GetModelInfoRequest>,
    ) -> Result<Response<v1::GetModelInfoResponse>, Status> {
        let info = self.inner.handle().info();
        let kind = self.inner.model.kind();
        Ok(Response::new(v1::GetModelInfoResponse {
            model: info.name.clone(),
            model_fingerprint: info.fingerprint.clone(),
            architecture: info.config.architecture.clone(),
            context_length: info.config.context_length as u32,
            vocab_size: info.config.vocab_size as u32,
            parameters: info.parameters,
            device: info.device.clone(),
            dtype: info.dtype.to_owned(),
            answer_layout: v1::AnswerLayout::Unspecified.into(),
            reward_kind: kind_to_proto(kind).into(),
            markers: kind.markers().iter().map(|marker| marker_to_proto(*marker).into()).collect(),
        }))
    }
}

fn rewards_to_proto(judged: &Judged, first: &[usize]) -> Vec<v1::AnswerRewards> {
    let answers = judged.rewards.iter().zip(&judged.over_context).zip(first);
    answers
        .map(|((rewards, over_context), first)| v1::AnswerRewards {
            over_context: *over_context,
            rewards: rewards
                .iter()
                .enumerate()
                .map(|(offset, reward)| v1::StepReward { step: (first + offset) as u32, reward: *reward })
                .collect(),
        })
        .collect()
}

fn usage_to_proto(usage: ReadUsage) -> v1::RewardUsage {
    v1::RewardUsage {
        prompt_tokens: usage.prompt_tokens,
        cached_tokens: usage.cached_tokens,
        answer_tokens: usage.computed_tokens,
        distinct_tokens: usage.distinct_tokens,
    }
}

fn kind_to_proto(kind: RewardKind) -> v1::RewardKind {
    match kind {
        RewardKind::ToolPrm => v1::RewardKind::Toolprm,
        RewardKind::CPrm => v1::RewardKind::CPrm,
        RewardKind::Orm => v1::RewardKind::Orm,
        RewardKind::ToolRm => v1::RewardKind::Toolrm,
    }
}

fn marker_to_proto(marker: Marker) -> v1::Marker {
    match marker {
        Marker::FuncName => v1::Marker::FuncName,
        Marker::ArgValue => v1::Marker::ArgValue,
        Marker::ParamFinish => v1::Marker::ParamFinish,
        Marker::FuncFinish => v1::Marker::FuncFinish,
        Marker::TotalFinish => v1::Marker::TotalFinish,
    }
}
