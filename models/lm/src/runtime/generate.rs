//! What callers ask for when they want continuations, and what they are told.

use crate::sampler::TokenMask;
use crate::{LmError, ModelConfig, Prompt, Sampling};

/// Asks for continuations.
pub struct GenerateRequest {
    /// Whose work it is; [`crate::ModelHandle::forget`] frees by this name. May be empty.
    pub owner: String,
    /// The prompt.
    pub prompt: Prompt,
    /// The partial answers: their tokens so far and a watch that says where to stop.
    pub beams: Vec<(Vec<u32>, Box<dyn Watch>)>,
    /// Index of the first expansion: a caller that asks for more of the same beams gives how many it has had.
    pub first_expansion: u32,
    /// Expansions per beam.
    pub expansions: u32,
    /// The expansions are the most probable next tokens, one each, and end with them; nothing is drawn.
    pub most_probable: bool,
    /// How to draw.
    pub sampling: Sampling,
    /// Key of the randomness.
    pub seed: u64,
    /// The most tokens of a continuation.
    pub max_tokens: usize,
    /// Compute in fixed shapes, batched with nothing else.
    pub deterministic: bool,
}

/// Follows a continuation and says where it ends.
pub trait Watch: Send {
    /// Takes the next token, and its bytes.
    fn push(&mut self, token: u32, bytes: &[u8]) -> Verdict;
    /// Which tokens may follow; `None` allows all. Asked before a draw.
    fn allowed(&mut self) -> Option<TokenMask> {
        None
    }
    /// The tokens that must follow, where only one way leads on. They are taken without a draw, so that a pass
    /// computes them all. Asked after a token with which the continuation goes on.
    fn forced(&mut self) -> Vec<u32> {
        Vec::new()
    }
    /// A copy for a continuation that takes another way from here.
    fn fork(&self) -> Box<dyn Watch>;
}

/// What a [`Watch`] says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// The continuation ends with this token.
    Stop,
    /// The continuation is of no use any more.
    Invalid,
    /// The continuation only repeats itself.
    Repetition,
}

/// Why a continuation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Its watch said so.
    Stop,
    /// The model ended its turn. The end token is not among the tokens.
    EndOfSequence,
    /// It reached `max_tokens` or the end of the context, where its beam may have been already.
    Length,
    /// Its watch refused it, or it drew a special token.
    Invalid,
    /// Its watch said that it only repeats itself.
    Repetition,
}

/// One distinct continuation.
#[derive(Clone, Debug)]
pub struct Continuation {
    /// Index of the beam.
    pub beam: usize,
    /// The new tokens.
    pub token_ids: Vec<u32>,
    /// Their bytes.
    pub text: Vec<u8>,
    /// The expansions that drew exactly these tokens, ascending.
    pub expansions: Vec<u32>,
    /// Sum of the tokens' log-probabilities at temperature 1, without filters or masks; a token that was forced
    /// counts as certain.
    pub log_probability: f64,
    /// Why it ended.
    pub finish: Finish,
}

/// What a request cost, in tokens. A prompt counts without its last token, which every beam computes or
/// finds with its own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerateUsage {
    /// Tokens of the prompt that were computed for this request.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that were there already, or were computed for another request.
    pub cached_prompt_tokens: u64,
    /// Tokens of partial answers and continuations that were computed for this request, shared rows once.
    pub decode_tokens: u64,
    /// Tokens of partial answers that were there already, or were computed for another request; of each
    /// beam its own.
    pub cached_answer_tokens: u64,
    /// Tokens of continuations as independent sampling would have computed them.
    pub sampled_tokens: u64,
    /// Sampled tokens that needed no row of their own.
    pub shared_rows: u64,
    /// Nodes of the token trie of prompt, partial answers and everything that was drawn, without those
    /// that earlier requests of the owner had.
    pub distinct_tokens: u64,
}

/// What a generate request tells its caller.
#[derive(Debug)]
pub enum GenerateEvent {
    /// A continuation ended.
    Continuation(Continuation),
    /// All have ended.
    Done(GenerateUsage),
    /// The request failed; nothing follows.
    Failed(LmError),
}

impl GenerateRequest {
    /// The most events that it can give: a continuation for each expansion, and the end.
    pub(super) fn most_events(&self) -> usize {
        self.beams.len() * self.expansions as usize + 1
    }

    pub(super) fn check(&self, config: &ModelConfig) -> Result<(), LmError> {
        let vocab_size = config.vocab_size as usize;
        check_tokens("prompt", &self.prompt.tokens, vocab_size)?;
        for (tokens, _) in &self.beams {
            check_tokens("beams", tokens, vocab_size)?;
        }
        check_length(&self.prompt, 0, config)?;
        // A beam may fill the context: its continuations end before their first token.
        let longest = self.beams.iter().map(|(tokens, _)| tokens.len()).max().unwrap_or(0);
        let (tokens, limit) = (self.prompt.tokens.len() + longest, config.context_length);
        match tokens > limit {
            true => Err(LmError::TooLong { field: "prompt with its answer", tokens, limit }),
            false => Ok(()),
        }
    }
}

/// Refuses tokens that the vocabulary does not have.
pub(super) fn check_tokens(field: &'static str, tokens: &[u32], vocab_size: usize) -> Result<(), LmError> {
    match tokens.iter().find(|id| **id as usize >= vocab_size) {
        Some(id) => Err(LmError::TokenOutOfRange { field, id: *id, vocab_size }),
        None => Ok(()),
    }
}

/// Refuses what does not fit the context, or a prompt without two tokens.
pub(super) fn check_length(prompt: &Prompt, answer: usize, config: &ModelConfig) -> Result<(), LmError> {
    let (limit, alone) = (config.context_length, prompt.tokens.len());
    if alone >= limit {
        return Err(LmError::TooLong { field: "prompt", tokens: alone, limit });
    }
    if alone + answer >= limit {
        return Err(LmError::TooLong { field: "prompt with its answer", tokens: alone + answer, limit });
    }
    if prompt.tokens.len() < 2 {
        return Err(LmError::Template("the rendered prompt has fewer than two tokens".into()));
    }
    Ok(())
}
