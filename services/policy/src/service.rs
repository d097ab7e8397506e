//! The RPCs.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, stream};
use llguidance::Matcher;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};
use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::ToolDefinition;
use toolbeam_lm::{Finish, GenerateEvent, GenerateUsage, LmError, ModelHandle, Prompt};
use toolbeam_proto::v1;
use toolbeam_proto::v1::policy_service_server::{PolicyService, PolicyServiceServer};
use toolbeam_serve::{Conversation, PromptStore, deadline, excerpt, require_search_id};

use crate::constraint::{Constraints, Degree};
use crate::{PolicyConfig, PolicyError, answer_layout, request};

/// The policy service over a loaded model.
#[derive(Clone)]
pub struct PolicyServer {
    inner: Arc<Inner>,
}

struct Inner {
    handle: ModelHandle,
    layout: Layout,
    prompts: PromptStore<Prompted>,
    constraints: Constraints,
    config: PolicyConfig,
}

/// A prompt, and the tools that it shows.
#[derive(Clone)]
struct Prompted {
    prompt: Prompt,
    tools: Arc<[ToolDefinition]>,
}

impl PolicyServer {
    /// The service's name, for health checks.
    pub const NAME: &str = "toolbeam.v1.PolicyService";

    /// Serves the model `handle`.
    ///
    /// # Errors
    /// As [`answer_layout`].
    pub fn new(handle: ModelHandle, config: PolicyConfig) -> Result<PolicyServer, PolicyError> {
        let info = handle.info();
        let layout = answer_layout(&info.config, &info.profile, &info.tokenizer)?;
        if info.profile.answer_layout.is_none() {
            tracing::warn!(
                model = info.name,
                "neither toolbeam.json nor a preset says how the model writes answers; a JSON list is assumed"
            );
        }
        let prompts = PromptStore::new(config.policy_prompts);
        let constraints = Constraints::new(info, layout, &config);
        Ok(PolicyServer { inner: Arc::new(Inner { handle, layout, prompts, constraints, config }) })
    }

    /// The service as tonic takes it. Messages may have `max_message_bytes`.
    pub fn into_service(self, max_message_bytes: usize) -> PolicyServiceServer<PolicyServer> {
        PolicyServiceServer::new(self)
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(max_message_bytes)
    }
}

impl Inner {
    async fn expand(&self, request: v1::ExpandRequest) -> Result<Expanding, PolicyError> {
        let served = &self.handle.info().fingerprint;
        if !request.model_fingerprint.is_empty() && request.model_fingerprint != *served {
            let pinned = excerpt(&request.model_fingerprint, 80);
            return Err(PolicyError::Fingerprint { pinned, served: served.clone() });
        }
        let search_id = request.search_id.clone();
        let checked = request::check(&request, self.config.max_continuation_tokens)?;
        let Prompted { prompt, tools } = self.prompt(request.prompt.as_ref())?;
        let digest = prompt.digest;
        let matcher = match checked.degree {
            None => None,
            Some(degree) => Some(self.matcher(degree, checked.falls_back, &tools).await?),
        };
        let generate =
            checked.generate(request, prompt, self.layout, self.handle.info(), matcher.as_ref())?;
        let events = self.handle.generate(generate)?;
        Ok(Expanding { search_id, events, fingerprint: served.clone(), digest: digest.to_vec() })
    }

    async fn matcher(
        &self,
        degree: Degree,
        falls_back: bool,
        tools: &Arc<[ToolDefinition]>,
    ) -> Result<Matcher, PolicyError> {
        match self.constraints.matcher(degree, tools).await {
            Err(PolicyError::Invalid(_)) if falls_back => {
                self.constraints.matcher(Degree::Syntax, tools).await
            }
            matcher => matcher,
        }
    }

    fn prompt(&self, prompt: Option<&v1::PromptRef>) -> Result<Prompted, PolicyError> {
        let render = |read: Conversation| -> Result<_, LmError> {
            let prompt = self.handle.info().prompts.prompt(&read.messages, read.tools.as_ref())?;
            Ok((prompt.digest.to_vec(), Prompted { prompt, tools: definitions(read.tools.as_ref()) }))
        };
        Ok(self.prompts.resolve(prompt, render)?)
    }
}

/// Tools in OpenAI's form, which a conversation has been read to.
fn definitions(tools: Option<&Value>) -> Arc<[ToolDefinition]> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let definition = |tool: &Value| {
        let function = &tool["function"];
        ToolDefinition {
            name: text(&function["name"]),
            description: text(&function["description"]),
            parameters: function["parameters"].to_string(),
        }
    };
    tools.and_then(Value::as_array).into_iter().flatten().map(definition).collect()
}

/// A request whose continuations arrive one by one. Dropping it cancels the request.
struct Expanding {
    search_id: String,
    events: Receiver<GenerateEvent>,
    fingerprint: String,
    digest: Vec<u8>,
}

impl Expanding {
    async fn next(&mut self, deadline: Option<Instant>) -> Result<(v1::ExpandResponse, bool), PolicyError> {
        let event = match deadline {
            None => self.events.recv().await,
            Some(deadline) => {
                timeout_at(deadline, self.events.recv()).await.map_err(|_| PolicyError::DeadlineExceeded)?
            }
        };
        let mut response = v1::ExpandResponse {
            model_fingerprint: self.fingerprint.clone(),
            prompt_digest: self.digest.clone(),
            ..Default::default()
        };
        match event.unwrap_or(GenerateEvent::Failed(LmError::Stopped)) {
            GenerateEvent::Continuation(continuation) => {
                response.continuations.push(to_proto(continuation));
                Ok((response, false))
            }
            GenerateEvent::Done(usage) => {
                tracing::debug!(search_id = self.search_id, ?usage, "expanded");
                response.usage = Some(usage_to_proto(usage));
                Ok((response, true))
            }
            GenerateEvent::Failed(error) => Err(error.into()),
        }
    }
}

type ExpandStream = Pin<Box<dyn Stream<Item = Result<v1::ExpandResponse, Status>> + Send>>;

#[tonic::async_trait]
impl PolicyService for PolicyServer {
    type ExpandStream = ExpandStream;

    async fn expand(&self, request: Request<v1::ExpandRequest>) -> Result<Response<ExpandStream>, Status> {
        let deadline = deadline(request.metadata())?;
        let expanding = self.inner.expand(request.into_inner()).await?;
        let responses = stream::unfold(Some(expanding), move |expanding| async move {
            let mut expanding = expanding?;
            match expanding.next(deadline).await {
                Ok((response, last)) => Some((Ok(response), (!last).then_some(expanding))),
                Err(error) => Some((Err(Status::from(error)), None)),
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::ReleaseResponse>, Status> {
        let search_id = request.into_inner().search_id;
        require_search_id(&search_id).map_err(|wrong| PolicyError::Invalid(vec![wrong]))?;
        self.inner.handle.forget(&search_id).map_err(PolicyError::from)?;
        Ok(Response::new(v1::ReleaseResponse {}))
    }

    async fn get_model_info(
        &self,
        _: Request<v1::GetModelInfoRequest>,
    ) -> Result<Response<v1::GetModelInfoResponse>, Status> {
        let info = self.inner.handle.info();
        Ok(Response::new(v1::GetModelInfoResponse {
            model: info.name.clone(),
            model_fingerprint: info.fingerprint.clone(),
            architecture: info.config.architecture.clone(),
            context_length: info.config.context_length as u32,
            vocab_size: info.config.vocab_size as u32,
            parameters: info.parameters,
            device: info.device.clone(),
            dtype: info.dtype.to_owned(),
            answer_layout: match self.inner.layout {
                Layout::JsonList => v1::AnswerLayout::JsonList,
                Layout::Hermes => v1::AnswerLayout::Hermes,
            }
            .into(),
            reward_kind: v1::RewardKind::Unspecified.into(),
            markers: Vec::new(),
        }))
    }
}

fn to_proto(continuation: toolbeam_lm::Continuation) -> v1::Continuation {
    let finish_reason = match continuation.finish {
        Finish::Stop => v1::FinishReason::Stop,
        Finish::EndOfSequence => v1::FinishReason::EndOfSequence,
        Finish::Length => v1::FinishReason::Length,
        Finish::Invalid => v1::FinishReason::Invalid,
        Finish::Repetition => v1::FinishReason::Repetition,
    };
    v1::Continuation {
        beam: continuation.beam as u32,
        token_ids: continuation.token_ids,
        text: continuation.text,
        expansions: continuation.expansions,
        log_probability: continuation.log_probability,
        finish_reason: finish_reason.into(),
    }
}

fn usage_to_proto(usage: GenerateUsage) -> v1::PolicyUsage {
    v1::PolicyUsage {
        prompt_tokens: usage.prompt_tokens,
        cached_prompt_tokens: usage.cached_prompt_tokens,
        decode_tokens: usage.decode_tokens,
        sampled_tokens: usage.sampled_tokens,
        cached_answer_tokens: usage.cached_answer_tokens,
        shared_rows: usage.shared_rows,
        distinct_tokens: usage.distinct_tokens,
    }
}
