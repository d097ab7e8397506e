//! Rollouts: what a policy answers when it is asked several times (paper, section 3.2).

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use toolbeam_client::v1::prompt_ref::Ref;
use toolbeam_client::{Client, ClientError, Code, Continuations, v1};
use toolbeam_grammar::{Layout, Parser, Status};

use crate::draws::Draws;
use crate::error::DatasetError;
use crate::example::{Example, Rollouts, Sample};
use crate::folder::Contents;
use crate::parts::{PartReader, PartWriter};

/// How often a prompt is asked about before a policy that does not answer is an error.
const TRIES: u32 = 5;
/// The wait before the second try; it doubles.
const WAIT: Duration = Duration::from_millis(500);

/// How answers are sampled, and whose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutSettings {
    /// Samples of a prompt.
    pub samples: u32,
    /// Divides the policy's logits.
    pub temperature: f32,
    /// What every prompt's seed is made of, with its id.
    pub seed: u64,
    /// The most tokens of an answer; 0 is the policy's own limit.
    pub max_tokens: u32,
    /// Whether shapes are fixed, so that the same seed gives the same bytes.
    pub deterministic: bool,
    /// The policy.
    pub policy: PolicyName,
    /// The digest of the folder of prompts.
    pub examples: String,
}

/// Which policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyName {
    /// Its name.
    pub name: String,
    /// Identifies weights, tokenizer, template and reading rules.
    pub fingerprint: String,
    /// What it computes in.
    pub dtype: String,
    /// How it writes answers.
    pub layout: AnswerLayout,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerLayout {
    /// A JSON list (Hammer).
    JsonList,
    /// Blocks of `<tool_call>` (Qwen).
    Hermes,
}

impl AnswerLayout {
    /// The grammar's word for it.
    pub fn grammar(self) -> Layout {
        match self {
            AnswerLayout::JsonList => Layout::JsonList,
            AnswerLayout::Hermes => Layout::Hermes,
        }
    }
}

impl From<v1::GetModelInfoResponse> for PolicyName {
    fn from(info: v1::GetModelInfoResponse) -> PolicyName {
        let layout = match info.answer_layout() {
            v1::AnswerLayout::Hermes => AnswerLayout::Hermes,
            v1::AnswerLayout::JsonList | v1::AnswerLayout::Unspecified => AnswerLayout::JsonList,
        };
        PolicyName { name: info.model, fingerprint: info.model_fingerprint, dtype: info.dtype, layout }
    }
}

/// Samples answers to the prompts of a part, `concurrency` prompts at a time, and writes them in the order of
/// the prompts. A prompt that the policy refuses (longer than its context) is counted and skipped; one for
/// which there is no reply is tried again. `on_prompt` is called once for each prompt.
///
/// # Errors
/// [`DatasetError::Policy`] after all tries, [`DatasetError::OtherPolicy`], or a file that cannot be read or
/// written.
pub async fn roll_out(
    client: &Client,
    prompts: PartReader<Example>,
    settings: &RolloutSettings,
    concurrency: NonZeroUsize,
    part: &mut PartWriter,
    mut on_prompt: impl FnMut(),
) -> Result<Contents, DatasetError> {
    let asked = stream::iter(prompts).map(async |prompt| {
        let prompt = prompt?;
        let reply = ask(client, &prompt, settings).await?;
        Ok::<_, DatasetError>((prompt, reply))
    });
    let mut replies = asked.buffered(concurrency.get());
    let mut contents = Contents::default();
    while let Some(reply) = replies.next().await {
        let (prompt, reply) = reply?;
        match reply {
            Reply::Samples(samples) => {
                for sample in &samples {
                    let kind = if sample.complete { "complete" } else { "incomplete" };
                    contents.count_so_many("samples", kind, sample.count.into());
                }
                part.add(&Rollouts { prompt, samples })?;
            }
            Reply::Refused(reason) => {
                contents.count("prompts", "refused");
                contents.failed.insert(prompt.id, reason);
            }
        }
        on_prompt();
    }
    Ok(contents)
}

/// What comes of a prompt.
enum Reply {
    Samples(Vec<Sample>),
    /// The policy cannot be asked this.
    Refused(String),
}

async fn ask(client: &Client, prompt: &Example, settings: &RolloutSettings) -> Result<Reply, DatasetError> {
    let request = match request(prompt, settings) {
        Ok(request) => request,
        Err(reason) => return Ok(Reply::Refused(reason)),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match client.expand(request.clone()).await {
            Ok(reply) if reply.model_fingerprint != settings.policy.fingerprint => {
                let expected = settings.policy.fingerprint.clone();
                return Err(DatasetError::OtherPolicy { expected, found: reply.model_fingerprint });
            }
            Ok(reply) => return Ok(Reply::Samples(samples(reply, settings.policy.layout.grammar()))),
            Err(error) => error,
        };
        match what_to_do(&error) {
            Remedy::Skip => return Ok(Reply::Refused(said(&error))),
            Remedy::TryAgain if tries < TRIES => {
                let wait = error.retry_after().unwrap_or(WAIT * 2u32.pow(tries - 1));
                tokio::time::sleep(wait).await;
            }
            Remedy::TryAgain | Remedy::GiveUp => {
                return Err(DatasetError::Policy { id: prompt.id.clone(), reason: error });
            }
        }
    }
}

/// What an error means for a prompt.
enum Remedy {
    Skip,
    TryAgain,
    GiveUp,
}

fn what_to_do(error: &ClientError) -> Remedy {
    match error.code() {
        // The settings were checked before: what is wrong is the prompt, or too large for this policy.
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => Remedy::Skip,
        Code::Unimplemented | Code::Unauthenticated | Code::PermissionDenied => Remedy::GiveUp,
        _ => Remedy::TryAgain,
    }
}

/// An error's words, those of its fields if it names any.
fn said(error: &ClientError) -> String {
    let fields = error.violations().iter().map(|wrong| format!("{}: {}", wrong.field, wrong.description));
    let fields = fields.collect::<Vec<_>>().join("; ");
    if fields.is_empty() { error.to_string() } else { fields }
}

/// The request for a prompt's samples.
fn request(prompt: &Example, settings: &RolloutSettings) -> Result<v1::ExpandRequest, String> {
    let messages = prompt.messages.iter().map(|message| {
        let role = match message.role.as_str() {
            "system" => v1::Role::System,
            "user" => v1::Role::User,
            "assistant" | "agent" => v1::Role::Assistant,
            "tool" => v1::Role::Tool,
            other => return Err(format!("messages: the role {other}")),
        };
        Ok(v1::Message { role: role.into(), content: message.content.clone(), ..Default::default() })
    });
    let tools = prompt.tools.iter().map(|tool| v1::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.get().to_owned(),
    });
    let inline = v1::Prompt { messages: messages.collect::<Result<_, _>>()?, tools: tools.collect() };
    Ok(v1::ExpandRequest {
        prompt: Some(v1::PromptRef { r#ref: Some(Ref::Inline(inline)) }),
        beams: vec![v1::PartialAnswer::default()],
        expansions_per_beam: settings.samples,
        sampling: Some(v1::Sampling { temperature: Some(settings.temperature), ..Default::default() }),
        seed: Draws::of(settings.seed, &["rollout", &prompt.id]).number(),
        stop_at: v1::StopAt::Answer.into(),
        max_tokens: settings.max_tokens,
        deterministic: settings.deterministic,
        ..Default::default()
    })
}

/// The samples of a reply, equal ones once, the most frequent first; of equally frequent ones, the more
/// probable. Answers that were tokenised in two ways are one, with the greater log-probability.
fn samples(reply: Continuations, layout: Layout) -> Vec<Sample> {
    let mut merged: BTreeMap<(String, bool), (u32, f64)> = BTreeMap::new();
    for continuation in reply.continuations {
        let complete = is_complete(&continuation, layout);
        let text = String::from_utf8_lossy(&continuation.text).into_owned();
        let (count, log_probability) = merged.entry((text, complete)).or_insert((0, f64::NEG_INFINITY));
        *count += continuation.expansions.len() as u32;
        *log_probability = log_probability.max(continuation.log_probability);
    }
    let mut samples: Vec<Sample> = merged
        .into_iter()
        .map(|((text, complete), (count, log_probability))| Sample { text, count, log_probability, complete })
        .collect();
    // Stable: what is equal in both stays in the order of its text.
    samples.sort_by(|a, b| b.count.cmp(&a.count).then(b.log_probability.total_cmp(&a.log_probability)));
    samples
}

/// Whether a continuation is an answer, by the grammar's judgement of its bytes and its end.
fn is_complete(continuation: &v1::Continuation, layout: Layout) -> bool {
    let ended = match continuation.finish_reason() {
        v1::FinishReason::Stop | v1::FinishReason::EndOfSequence => true,
        v1::FinishReason::Length
        | v1::FinishReason::Invalid
        | v1::FinishReason::Repetition
        | v1::FinishReason::Unspecified => false,
    };
    let mut parser = Parser::new(layout);
    parser.feed(&continuation.text);
    parser.end();
    ended && parser.status() == Status::Complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_answers_are_one_sample_and_order_is_by_count() {
        use v1::FinishReason::{EndOfSequence, Invalid, Length, Stop};
        let continuation =
            |text: &str, expansions: &[u32], log_probability, reason: v1::FinishReason| v1::Continuation {
                text: text.as_bytes().to_vec(),
                expansions: expansions.to_vec(),
                log_probability,
                finish_reason: reason.into(),
                ..Default::default()
            };
        let call = r#"[{"name": "f", "arguments": {}}]"#;
        let continuations = vec![
            continuation("[]", &[3], -2.0, Stop),
            continuation(call, &[0, 2], -1.0, Stop),
            continuation("[x", &[1], -0.5, Invalid),
            continuation("[]", &[4, 5], -3.0, Stop),
            continuation("[{", &[6], -9.0, Length),
            continuation("[", &[7], -9.5, EndOfSequence),
        ];
        let found = samples(Continuations { continuations, ..Default::default() }, Layout::JsonList);
        let found: Vec<(&str, u32, f64, bool)> = found
            .iter()
            .map(|sample| (sample.text.as_str(), sample.count, sample.log_probability, sample.complete))
            .collect();
        let expected = [
            ("[]", 3, -2.0, true),
            (call, 2, -1.0, true),
            ("[x", 1, -0.5, false),
            ("[{", 1, -9.0, false),
            ("[", 1, -9.5, false),
        ];
        assert_eq!(found, expected);
    }
}
