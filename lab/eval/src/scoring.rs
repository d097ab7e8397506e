//! Asks a reward model about answers that are there.

use toolbeam_client::{Client, ClientError, Code, v1};
use toolbeam_grammar::{Call, Marker, Step, steps_of};

/// The rewards of several answers to one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The fingerprint of the model that gave them.
    pub model_fingerprint: String,
    /// Of each answer, in order, the reward at each of its steps; `None` where the model has none, because it
    /// is coarser, or because the answer does not fit its context.
    pub rewards: Vec<Vec<Option<f32>>>,
}

impl Scored {
    /// The reward of each whole answer, at its `<TOTAL_FINISH>`.
    pub fn totals(&self) -> Vec<Option<f32>> {
        self.rewards.iter().map(|rewards| rewards.last().copied().flatten()).collect()
    }
}

/// Asks for the rewards of answers to a prompt, all in one request; `deterministic` ones do not depend on what
/// else is computed.
///
/// # Errors
/// The scorer refused or failed, or did not answer for all of them.
pub async fn score_answers(
    client: &Client,
    prompt: v1::Prompt,
    answers: &[&[Call]],
    deterministic: bool,
) -> Result<Scored, ClientError> {
    let parsed = answers.iter().map(|calls| v1::ParsedAnswer {
        steps: steps_of(calls).into_iter().map(step).collect(),
        ..Default::default()
    });
    let request = v1::ScoreRequest {
        prompt: Some(v1::PromptRef { r#ref: Some(v1::prompt_ref::Ref::Inline(prompt)) }),
        answers: parsed.collect(),
        deterministic,
        ..Default::default()
    };
    let reply = client.score(request).await?;
    if reply.answers.len() != answers.len() {
        return Err(ClientError::Refused {
            code: Code::Internal,
            message: "the reply lacks answers".to_owned(),
            violations: Vec::new(),
            retry_after: None,
        });
    }
    let rewards =
        reply.answers.into_iter().map(|answer| answer.rewards.into_iter().map(|step| step.reward).collect());
    Ok(Scored { model_fingerprint: reply.model_fingerprint, rewards: rewards.collect() })
}

/// A step as the contract has it.
fn step(step: Step) -> v1::Step {
    let marker = match step.marker() {
        Marker::FuncName => v1::Marker::FuncName,
        Marker::ArgValue => v1::Marker::ArgValue,
        Marker::ParamFinish => v1::Marker::ParamFinish,
        Marker::FuncFinish => v1::Marker::FuncFinish,
        Marker::TotalFinish => v1::Marker::TotalFinish,
    };
    let empty = v1::Step { marker: marker.into(), ..Default::default() };
    match step {
        Step::FuncName(name) => v1::Step { name: name.to_string(), ..empty },
        Step::ArgValue { key, value } => {
            v1::Step { key: key.to_string(), value: value.as_str().to_owned(), ..empty }
        }
        Step::ParamFinish | Step::FuncFinish | Step::TotalFinish => empty,
    }
}
