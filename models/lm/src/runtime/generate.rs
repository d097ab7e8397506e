//! Sampling continuations of partial answers.
//!
//! The expansions of a beam start as one row. They stay one row for as long as they draw the same
//! tokens; a row splits where its draws differ. This is independent sampling exactly, at the cost of
//! the distinct continuations only.

use tokio::sync::mpsc;

use super::resident::Room;
use crate::kv::Sequence;
use crate::sampler::{DrawKey, Drawn, RowDraws};
use crate::{LmError, ModelConfig, Prompt, Sampling, Tokenizer};

/// Asks for continuations.
pub struct GenerateRequest {
    /// Whose work it is; [`crate::ModelHandle::forget`] frees by this name.
    pub owner: String,
    /// The prompt.
    pub prompt: Prompt,
    /// The partial answers: their tokens so far and a watch that says where to stop.
    pub beams: Vec<(Vec<u32>, Box<dyn Watch>)>,
    /// Expansions per beam.
    pub expansions: u32,
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
    /// Takes the bytes of the next token.
    fn push(&mut self, bytes: &[u8]) -> Verdict;
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
}

/// Why a continuation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Its watch said so.
    Stop,
    /// The model ended its turn. The end token is not among the tokens.
    EndOfSequence,
    /// It reached `max_tokens` or the end of the context.
    Length,
    /// Its watch refused it, or it drew a special token.
    Invalid,
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
    /// Sum of the tokens' log-probabilities at temperature 1, without filters.
    pub log_probability: f64,
    /// Why it ended.
    pub finish: Finish,
}

/// Tokens that were computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerateUsage {
    /// Tokens of the prompt that were computed for this request.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that were there already.
    pub cached_prompt_tokens: u64,
    /// Tokens of partial answers and continuations that were computed, shared rows once.
    pub decode_tokens: u64,
    /// Tokens of continuations as independent sampling would have computed them.
    pub sampled_tokens: u64,
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
    pub(super) fn check(&self, config: &ModelConfig) -> Result<(), LmError> {
        let vocab_size = config.vocab_size as usize;
        check_tokens("prompt", &self.prompt.tokens, vocab_size)?;
        for (tokens, _) in &self.beams {
            check_tokens("beams", tokens, vocab_size)?;
        }
        let longest = self.beams.iter().map(|(tokens, _)| tokens.len()).max().unwrap_or(0);
        check_length(&self.prompt, longest, config)
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
    let (limit, alone) = (config.max_position_embeddings, prompt.tokens.len());
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

/// A request in work.
pub(super) struct GenerateJob {
    pub(super) request: GenerateRequest,
    pub(super) usage: GenerateUsage,
    reply: mpsc::UnboundedSender<GenerateEvent>,
    /// `None` until the prompt is there.
    rows: Option<Vec<Row>>,
}

/// Expansions that have drawn the same tokens so far.
pub(super) struct Row {
    pub(super) sequence: Sequence,
    /// Tokens that the sequence does not hold yet; at least one.
    pub(super) pending: Vec<u32>,
    beam: usize,
    expansions: Vec<u32>,
    tokens: Vec<u32>,
    text: Vec<u8>,
    log_probability: f64,
    watch: Box<dyn Watch>,
    key: DrawKey,
}

impl GenerateJob {
    pub(super) fn new(request: GenerateRequest, reply: mpsc::UnboundedSender<GenerateEvent>) -> GenerateJob {
        GenerateJob { request, usage: GenerateUsage::default(), reply, rows: None }
    }

    /// The most tokens that the request may hold beside its prompt.
    pub(super) fn worst_case(&self) -> usize {
        let GenerateRequest { beams, expansions, max_tokens, .. } = &self.request;
        beams.iter().map(|(tokens, _)| tokens.len() + *expansions as usize * Room::rounded(*max_tokens)).sum()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn is_running(&self) -> bool {
        self.rows.is_some()
    }

    /// Begins: `continue_from` gives, for a beam's tokens, a sequence and how many of them it holds.
    pub(super) fn start(&mut self, mut continue_from: impl FnMut(&[u32]) -> (Sequence, usize)) {
        let last = self.request.prompt.tokens[self.request.prompt.tokens.len() - 1];
        let rows = self.request.beams.iter().enumerate().map(|(beam, (tokens, watch))| {
            let (sequence, held) = continue_from(tokens);
            let first = if held == 0 { Some(last) } else { None };
            Row {
                sequence,
                pending: first.into_iter().chain(tokens[held..].iter().copied()).collect(),
                beam,
                expansions: (0..self.request.expansions).collect(),
                tokens: Vec::new(),
                text: Vec::new(),
                log_probability: 0.0,
                watch: watch.fork(),
                key: DrawKey::new(self.request.seed, tokens),
            }
        });
        self.rows = Some(rows.collect());
    }

    /// The rows, to be extended by their pending tokens.
    pub(super) fn rows_mut(&mut self) -> &mut [Row] {
        self.rows.as_deref_mut().unwrap_or_default()
    }

    /// The draws that each row makes next.
    pub(super) fn draws(&self) -> impl Iterator<Item = RowDraws> + '_ {
        self.rows.iter().flatten().map(|row| {
            let position = self.request.beams[row.beam].0.len() + row.tokens.len();
            let uniform = |expansion: &u32| row.key.uniform(*expansion, position);
            RowDraws {
                sampling: self.request.sampling,
                uniforms: row.expansions.iter().map(uniform).collect(),
            }
        })
    }

    /// Takes what each row drew: splits rows, reports continuations that ended and hands their
    /// sequences to `keep` with the answer's tokens that they hold.
    pub(super) fn advance(
        &mut self,
        drawn: Vec<Vec<Drawn>>,
        tokenizer: &Tokenizer,
        config: &ModelConfig,
        mut keep: impl FnMut(Vec<u32>, &Sequence),
    ) {
        let rows = self.rows.take().unwrap_or_default();
        let mut alive = Vec::with_capacity(rows.len());
        for (row, drawn) in rows.into_iter().zip(drawn) {
            self.usage.decode_tokens += row.pending.len() as u64;
            self.usage.sampled_tokens += drawn.len() as u64;
            let mut kept = false;
            for (drawn, expansions) in group(&drawn, &row.expansions) {
                match row.step(drawn, expansions, tokenizer, self.limit(config, &row), config) {
                    Step::Alive(next) => alive.push(next),
                    Step::Ended(continuation) => {
                        if continuation.finish == Finish::Stop && !kept && !self.request.deterministic {
                            kept = true;
                            let answer = [self.request.beams[row.beam].0.as_slice(), &row.tokens].concat();
                            keep(answer, &row.sequence);
                        }
                        let _ = self.reply.send(GenerateEvent::Continuation(continuation));
                    }
                }
            }
        }
        self.rows = Some(alive);
    }

    /// Whether all continuations have ended.
    pub(super) fn is_done(&self) -> bool {
        self.rows.as_ref().is_some_and(Vec::is_empty)
    }

    pub(super) fn finish(self) {
        let _ = self.reply.send(GenerateEvent::Done(self.usage));
    }

    pub(super) fn fail(self, error: LmError) {
        let _ = self.reply.send(GenerateEvent::Failed(error));
    }

    /// The most tokens that a continuation of this row may have.
    fn limit(&self, config: &ModelConfig, row: &Row) -> usize {
        let before = self.request.prompt.tokens.len() + self.request.beams[row.beam].0.len();
        self.request.max_tokens.min(config.max_position_embeddings - before)
    }
}

enum Step {
    Alive(Row),
    Ended(Continuation),
}

impl Row {
    fn step(
        &self,
        drawn: Drawn,
        expansions: Vec<u32>,
        tokenizer: &Tokenizer,
        limit: usize,
        config: &ModelConfig,
    ) -> Step {
        let mut next = Row {
            sequence: self.sequence.clone(),
            pending: vec![drawn.token],
            beam: self.beam,
            expansions,
            tokens: self.tokens.clone(),
            text: self.text.clone(),
            log_probability: self.log_probability + drawn.log_probability,
            watch: self.watch.fork(),
            key: self.key,
        };
        if config.end_tokens.contains(&drawn.token) {
            return Step::Ended(next.end(Finish::EndOfSequence));
        }
        next.tokens.push(drawn.token);
        let Some(bytes) = tokenizer.bytes(drawn.token) else {
            return Step::Ended(next.end(Finish::Invalid));
        };
        next.text.extend_from_slice(bytes);
        match next.watch.push(bytes) {
            Verdict::Stop => Step::Ended(next.end(Finish::Stop)),
            Verdict::Invalid => Step::Ended(next.end(Finish::Invalid)),
            Verdict::Continue if next.tokens.len() >= limit => Step::Ended(next.end(Finish::Length)),
            Verdict::Continue => Step::Alive(next),
        }
    }

    fn end(self, finish: Finish) -> Continuation {
        Continuation {
            beam: self.beam,
            token_ids: self.tokens,
            text: self.text,
            expansions: self.expansions,
            log_probability: self.log_probability,
            finish,
        }
    }
}

/// Expansions by the token that they drew, in order of their first expansion.
fn group(drawn: &[Drawn], expansions: &[u32]) -> Vec<(Drawn, Vec<u32>)> {
    let mut groups: Vec<(Drawn, Vec<u32>)> = Vec::new();
    for (drawn, expansion) in drawn.iter().zip(expansions) {
        match groups.iter_mut().find(|(first, _)| first.token == drawn.token) {
            Some((_, members)) => members.push(*expansion),
            None => groups.push((*drawn, vec![*expansion])),
        }
    }
    groups
}
