//! The policy port over gRPC.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use toolbeam_actors::{ExpandReply, ExpandRequest, PolicyPort};
use toolbeam_proto::v1::{self, FinishReason, PromptRef};
use toolbeam_search::{Continuation, Draw, Failure, Finish, PolicyUsage};

use super::PolicyClient;
use super::attempts::timed;
use super::session::{Replied, Session};
use crate::error::Called;
use crate::request::Drawing;

/// Asks the policy service on behalf of one search.
#[derive(Debug, Clone)]
pub(crate) struct GrpcPolicy {
    client: PolicyClient,
    session: Arc<Session>,
    drawing: Drawing,
}

/// A whole stream, gathered.
#[derive(Debug, Default)]
struct Gathered {
    continuations: Vec<v1::Continuation>,
    usage: Option<v1::PolicyUsage>,
}

impl GrpcPolicy {
    pub(crate) fn new(client: PolicyClient, session: Arc<Session>, drawing: Drawing) -> GrpcPolicy {
        GrpcPolicy { client, session, drawing }
    }

    async fn ask(self, request: ExpandRequest) -> Result<ExpandReply, Failure> {
        let deadline = request.deadline.map(Into::into);
        let gathered = self
            .session
            .call(deadline, |prompt| {
                let message = self.message(&request, prompt);
                gather(self.client.clone(), timed(message, deadline))
            })
            .await?;
        self.read(&request, gathered)
    }

    fn message(&self, request: &ExpandRequest, prompt: PromptRef) -> v1::ExpandRequest {
        let sampling = match request.draw {
            Draw::Sample | Draw::Top => self.drawing.sampling,
            Draw::Greedy => {
                v1::Sampling { temperature: Some(0.0), top_p: Some(1.0), top_k: 0, ..self.drawing.sampling }
            }
        };
        v1::ExpandRequest {
            search_id: self.session.search_id(),
            prompt: Some(prompt),
            model_fingerprint: self.session.fingerprint(),
            beams: vec![v1::PartialAnswer {
                text: request.answer.text.clone(),
                token_ids: request.answer.token_ids.clone(),
                // A tool's name is far shorter.
                dictated_bytes: u32::try_from(request.answer.dictated).unwrap_or(u32::MAX),
            }],
            first_expansion: request.first,
            expansions_per_beam: request.expansions,
            sampling: Some(sampling),
            seed: self.drawing.seed,
            constraint: self.drawing.constraint.unwrap_or(v1::Constraint::Off).into(),
            constraint_fallback: self.drawing.constraint_fallback,
            stop_at: v1::StopAt::Step.into(),
            most_probable: request.draw == Draw::Top,
            max_tokens: self.drawing.max_step_tokens,
            deterministic: self.drawing.deterministic,
        }
    }

    /// Checks a reply: every expansion stands in exactly one continuation.
    fn read(&self, request: &ExpandRequest, gathered: Gathered) -> Result<ExpandReply, Failure> {
        let broken = |what: &str| Err(self.session.broken(what));
        let Some(usage) = gathered.usage else { return broken("the stream ended without usage") };
        let mut drawn = vec![false; request.expansions as usize];
        let mut continuations = Vec::with_capacity(gathered.continuations.len());
        for continuation in gathered.continuations {
            let Some(finish) = finish(continuation.finish_reason()) else {
                return broken("a continuation has no finish reason");
            };
            let Some(&index) = continuation.expansions.iter().min() else {
                return broken("a continuation stands for no expansion");
            };
            for &expansion in &continuation.expansions {
                let place = expansion.checked_sub(request.first).map(|place| place as usize);
                match place.and_then(|place| drawn.get_mut(place)) {
                    Some(drawn) if !*drawn => *drawn = true,
                    _ => return broken("an expansion is unknown or comes twice"),
                }
            }
            continuations.push(Continuation {
                // As many as distinct numbers below a u32.
                count: continuation.expansions.len() as u32,
                token_ids: continuation.token_ids,
                text: continuation.text,
                index,
                log_probability: continuation.log_probability,
                finish,
            });
        }
        if drawn.contains(&false) {
            return broken("an expansion is missing");
        }
        Ok(ExpandReply { continuations, usage: policy_usage(usage) })
    }
}

impl PolicyPort for GrpcPolicy {
    fn expand(&self, request: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, Failure>> {
        self.clone().ask(request).boxed()
    }
}

/// Reads the stream to its end.
async fn gather(
    mut client: PolicyClient,
    request: tonic::Request<v1::ExpandRequest>,
) -> Called<Replied<Gathered>> {
    let mut stream = client.expand(request).await?.into_inner();
    let mut reply =
        Replied { value: Gathered::default(), model_fingerprint: String::new(), prompt_digest: Vec::new() };
    while let Some(message) = stream.message().await? {
        reply.value.continuations.extend(message.continuations);
        reply.value.usage = message.usage;
        reply.model_fingerprint = message.model_fingerprint;
        reply.prompt_digest = message.prompt_digest;
    }
    Ok(reply)
}

fn finish(reason: FinishReason) -> Option<Finish> {
    match reason {
        FinishReason::Unspecified => None,
        FinishReason::Stop => Some(Finish::Step),
        FinishReason::EndOfSequence => Some(Finish::EndOfSequence),
        FinishReason::Length => Some(Finish::Length),
        FinishReason::Invalid => Some(Finish::Invalid),
        FinishReason::Repetition => Some(Finish::Repetition),
    }
}

fn policy_usage(usage: v1::PolicyUsage) -> PolicyUsage {
    PolicyUsage {
        prompt_tokens: usage.prompt_tokens,
        cached_prompt_tokens: usage.cached_prompt_tokens,
        decode_tokens: usage.decode_tokens,
        sampled_tokens: usage.sampled_tokens,
        cached_answer_tokens: usage.cached_answer_tokens,
        shared_rows: usage.shared_rows,
        distinct_tokens: usage.distinct_tokens,
    }
}
