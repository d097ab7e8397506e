//! A policy that writes what its script says, one step at a time.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio_stream::Iter;
use tonic::{Code, Request, Response, Status};
use toolbeam_grammar::{Layout, Parser, Status as Parsed};
use toolbeam_proto::v1::policy_service_server::PolicyService;
use toolbeam_proto::v1::prompt_ref::Ref;
use toolbeam_proto::v1::{
    AnswerLayout, Continuation, ExpandRequest, ExpandResponse, FinishReason, GetModelInfoRequest,
    GetModelInfoResponse, PolicyUsage, PromptRef, PromptUnknown, ReleaseRequest, ReleaseResponse,
};

/// The delay that a full policy asks for.
pub(crate) const FULL_DELAY: Duration = Duration::from_millis(400);

/// What a policy does.
#[derive(Clone)]
pub(crate) struct PolicyScript {
    /// Expansion `i` goes on with one of those that begin as the beam does.
    pub(crate) answers: Vec<&'static str>,
    /// How long each expansion takes.
    pub(crate) delay: Duration,
    /// Whether no digest is ever known.
    pub(crate) forgetful: bool,
    /// From this call of Expand on, another model answers.
    pub(crate) replaced_after: Option<usize>,
    /// How it writes answers.
    pub(crate) layout: AnswerLayout,
    /// Whether it names expansions that nobody asked for.
    pub(crate) confused: bool,
    /// How many calls it is too full for at first.
    pub(crate) full_for: usize,
}

impl PolicyScript {
    pub(crate) fn writing(answers: &[&'static str]) -> PolicyScript {
        PolicyScript {
            answers: answers.to_vec(),
            delay: Duration::ZERO,
            forgetful: false,
            replaced_after: None,
            layout: AnswerLayout::JsonList,
            confused: false,
            full_for: 0,
        }
    }
}

/// What a service was asked.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) inline: usize,
    pub(crate) by_digest: usize,
    pub(crate) calls: usize,
    pub(crate) abandoned: usize,
    pub(crate) released: Vec<String>,
    known: HashSet<Vec<u8>>,
}

/// A log that the test reads while the service writes it.
#[derive(Clone, Default)]
pub(crate) struct SharedLog(Arc<Mutex<Log>>);

impl SharedLog {
    pub(crate) fn get(&self) -> MutexGuard<'_, Log> {
        self.0.lock().expect("no test panics while it holds the log")
    }

    /// Counts the way in which the prompt came and gives its digest.
    pub(crate) fn prompt(&self, prompt: Option<PromptRef>, forgetful: bool) -> Result<Vec<u8>, Status> {
        let mut log = self.get();
        match prompt.and_then(|prompt| prompt.r#ref) {
            Some(Ref::Inline(prompt)) => {
                log.inline += 1;
                let mut hasher = DefaultHasher::new();
                format!("{prompt:?}").hash(&mut hasher);
                let digest = hasher.finish().to_be_bytes().to_vec();
                log.known.insert(digest.clone());
                Ok(digest)
            }
            Some(Ref::Digest(digest)) if log.known.contains(&digest) && !forgetful => {
                log.by_digest += 1;
                Ok(digest)
            }
            Some(Ref::Digest(digest)) => {
                let detail = PromptUnknown { digest };
                Err(toolbeam_serve::with_detail(Code::FailedPrecondition, "unknown prompt", &detail))
            }
            None => Err(Status::invalid_argument("no prompt")),
        }
    }

    /// Counts a call that its caller leaves before it ends.
    pub(crate) fn begin(&self) -> Begun {
        self.get().calls += 1;
        Begun { log: self.clone(), ended: false }
    }
}

pub(crate) struct Begun {
    log: SharedLog,
    ended: bool,
}

impl Begun {
    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended {
            self.log.get().abandoned += 1;
        }
    }
}

pub(crate) struct FakePolicy {
    pub(crate) script: PolicyScript,
    pub(crate) log: SharedLog,
}

#[tonic::async_trait]
impl PolicyService for FakePolicy {
    type ExpandStream = Iter<std::vec::IntoIter<Result<ExpandResponse, Status>>>;

    async fn expand(&self, request: Request<ExpandRequest>) -> Result<Response<Self::ExpandStream>, Status> {
        let request = request.into_inner();
        let begun = self.log.begin();
        let call = self.log.get().calls;
        if call <= self.script.full_for {
            return Err(toolbeam_serve::resource_exhausted("full; try again", FULL_DELAY));
        }
        let prompt_digest = self.log.prompt(request.prompt, self.script.forgetful)?;
        tokio::time::sleep(self.script.delay).await;
        let [beam] = &request.beams[..] else {
            return Err(Status::invalid_argument("the gateway sends one beam"));
        };
        // A token is a byte here.
        let generated = &beam.text[beam.dictated_bytes as usize..];
        if generated.iter().map(|&byte| u32::from(byte)).ne(beam.token_ids.iter().copied()) {
            return Err(Status::invalid_argument("the tokens are not those that were generated"));
        }
        let mut written: BTreeMap<Vec<u8>, Continuation> = BTreeMap::new();
        let first = request.first_expansion;
        for expansion in first..first + request.expansions_per_beam {
            let mut continuation = self.next_step(&beam.text, expansion);
            if request.most_probable && continuation.text.len() > 1 {
                // A token is a byte.
                continuation.text.truncate(1);
                continuation.token_ids.truncate(1);
                continuation.finish_reason = FinishReason::Length.into();
            }
            let entry = written.entry(continuation.text.clone()).or_insert_with(|| {
                continuation.expansions.clear();
                continuation
            });
            entry.expansions.push(expansion + u32::from(self.script.confused));
        }
        let replaced = self.script.replaced_after.is_some_and(|after| call > after);
        let message = |continuations, usage| {
            Ok(ExpandResponse {
                continuations,
                usage,
                model_fingerprint: if replaced { "policy-2" } else { "policy-1" }.to_owned(),
                prompt_digest: prompt_digest.clone(),
            })
        };
        let usage = PolicyUsage {
            prompt_tokens: 10,
            cached_prompt_tokens: 0,
            decode_tokens: written.keys().map(|text| text.len() as u64).sum(),
            sampled_tokens: written
                .iter()
                .map(|(text, continuation)| (text.len() * continuation.expansions.len()) as u64)
                .sum(),
            cached_answer_tokens: beam.text.len() as u64,
            shared_rows: 1,
            distinct_tokens: 20,
        };
        let mut messages: Vec<_> =
            written.into_values().map(|continuation| message(vec![continuation], None)).collect();
        messages.push(message(Vec::new(), Some(usage)));
        begun.end();
        Ok(Response::new(tokio_stream::iter(messages)))
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
            model: "fake-policy".to_owned(),
            model_fingerprint: "policy-1".to_owned(),
            answer_layout: self.script.layout.into(),
            ..GetModelInfoResponse::default()
        }))
    }
}

impl FakePolicy {
    /// What an expansion writes after `text`, up to the end of its next step.
    fn next_step(&self, text: &[u8], expansion: u32) -> Continuation {
        let fitting: Vec<&[u8]> = self
            .script
            .answers
            .iter()
            .map(|answer| answer.as_bytes())
            .filter(|answer| answer.starts_with(text))
            .collect();
        let answer = fitting[expansion as usize % fitting.len()];
        let mut parser = Parser::new(match self.script.layout {
            AnswerLayout::Hermes => Layout::Hermes,
            AnswerLayout::JsonList | AnswerLayout::Unspecified => Layout::JsonList,
        });
        parser.feed(text);
        let mut end = text.len();
        let mut finish_reason = FinishReason::EndOfSequence;
        while let Some(byte) = answer.get(end) {
            let boundaries = parser.feed(&[*byte]);
            end += 1;
            if matches!(parser.status(), Parsed::Invalid { .. }) {
                finish_reason = FinishReason::Invalid;
                break;
            }
            if boundaries.iter().any(|boundary| boundary.step.marker().ends_expansion()) {
                finish_reason = FinishReason::Stop;
                break;
            }
        }
        let new = &answer[text.len()..end];
        Continuation {
            beam: 0,
            token_ids: new.iter().map(|&byte| u32::from(byte)).collect(),
            text: new.to_vec(),
            expansions: vec![expansion],
            log_probability: -0.5,
            finish_reason: finish_reason.into(),
        }
    }
}
