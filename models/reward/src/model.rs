//! Judging answers.

use toolbeam_grammar::Step;
use toolbeam_lm::{ModelFiles, ModelHandle, Prompt, ReadRequest, ReadSequence, ReadUsage};

use crate::{RewardError, RewardTokens};

/// A reward model that is loaded. Cheap to clone.
#[derive(Clone)]
pub struct RewardModel {
    handle: ModelHandle,
    tokens: RewardTokens,
}

/// Answers to be judged.
pub struct JudgedAnswers {
    /// Whose work it is.
    pub owner: String,
    /// The prompt, rendered by the reward model's own template.
    pub prompt: Prompt,
    /// Steps of each answer from its start, and the first whose reward is wanted.
    pub answers: Vec<(Vec<Step>, usize)>,
    /// Compute in fixed shapes, batched with nothing else.
    pub deterministic: bool,
}

/// Rewards.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Per answer, per step from the first wanted one: p(+) in [0, 1].
    pub rewards: Vec<Vec<f32>>,
    /// What was computed.
    pub usage: ReadUsage,
}

impl RewardModel {
    /// A reward model over a loaded model and its folder.
    ///
    /// # Errors
    /// [`RewardError`] naming the file, if the folder is no reward model.
    pub fn new(handle: ModelHandle, files: &ModelFiles) -> Result<RewardModel, RewardError> {
        let tokens = RewardTokens::find(files, &handle.info().tokenizer)?;
        Ok(RewardModel { handle, tokens })
    }

    /// The loaded model.
    pub fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// Computes rewards: one forward pass over what is not known yet of each answer.
    ///
    /// # Errors
    /// [`RewardError::Model`] if the answers do not fit or the runtime fails.
    pub async fn judge(&self, request: JudgedAnswers) -> Result<Judged, RewardError> {
        let tokenizer = &self.handle.info().tokenizer;
        let sequences = request.answers.iter().map(|(steps, first)| {
            let input = self.tokens.input(tokenizer, steps)?;
            let positions = input.markers.get(*first..).unwrap_or_default().to_vec();
            Ok(ReadSequence { tokens: input.tokens, positions })
        });
        let read = ReadRequest {
            owner: request.owner,
            prompt: request.prompt,
            sequences: sequences.collect::<Result<_, RewardError>>()?,
            ids: vec![self.tokens.positive, self.tokens.negative],
            deterministic: request.deterministic,
        };
        let reply = self.handle.read(read).await?;
        let rewards = reply.logits.iter().map(|answer| answer.iter().map(|logits| reward(logits)).collect());
        Ok(Judged { rewards: rewards.collect(), usage: reply.usage })
    }
}

/// p(+) from the logits of the positive and the negative label: exp(s+) / (exp(s+) + exp(s-)).
fn reward(logits: &[f32]) -> f32 {
    match logits {
        [positive, negative] => 1.0 / (1.0 + (negative - positive).exp()),
        _ => f32::NAN,
    }
}
