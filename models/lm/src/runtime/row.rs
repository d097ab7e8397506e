//! Rows: expansions that are computed as one.

use super::distinct::Prefix;
use super::generate::{Continuation, Finish, Verdict, Watch};
use crate::kv::Sequence;
use crate::sampler::{DrawKey, Drawn};
use crate::{ModelConfig, Tokenizer};

/// Expansions that have drawn the same tokens so far.
pub(super) struct Row {
    /// The prompt, the beam and the tokens drawn.
    pub(super) sequence: Sequence,
    /// Whether the pass computes all that it misses, so that it can draw.
    pub(super) ready: bool,
    pub(super) beam: usize,
    pub(super) expansions: Vec<u32>,
    pub(super) tokens: Vec<u32>,
    /// The same sequence, for counting.
    pub(super) prefix: Prefix,
    pub(super) text: Vec<u8>,
    pub(super) log_probability: f64,
    pub(super) watch: Box<dyn Watch>,
    pub(super) key: DrawKey,
}

/// What becomes of a row that drew a token, and of those that must follow it.
pub(super) enum Step {
    Alive(Row),
    Ended(Continuation),
}

impl Row {
    /// The row of those expansions that drew this token, and the tokens that it took: the drawn one and those
    /// that its watch forces behind it. `limit` is the most tokens of a continuation.
    pub(super) fn step(
        &self,
        drawn: Drawn,
        expansions: Vec<u32>,
        tokenizer: &Tokenizer,
        limit: usize,
        config: &ModelConfig,
    ) -> (Step, Vec<u32>) {
        let mut next = Row {
            sequence: self.sequence.clone(),
            ready: false,
            beam: self.beam,
            expansions,
            tokens: self.tokens.clone(),
            prefix: self.prefix.then(drawn.token),
            text: self.text.clone(),
            log_probability: self.log_probability + drawn.log_probability,
            watch: self.watch.fork(),
            key: self.key,
        };
        let mut taken = vec![drawn.token];
        if config.end_tokens.contains(&drawn.token) {
            return (Step::Ended(next.end(Finish::EndOfSequence)), taken);
        }
        if let Some(finish) = next.take(drawn.token, tokenizer, limit) {
            return (Step::Ended(next.end(finish)), taken);
        }
        for token in next.watch.forced() {
            taken.push(token);
            next.prefix = next.prefix.then(token);
            if let Some(finish) = next.take(token, tokenizer, limit) {
                return (Step::Ended(next.end(finish)), taken);
            }
        }
        (Step::Alive(next), taken)
    }

    /// Takes a token; why the continuation ends with it, if it does.
    fn take(&mut self, token: u32, tokenizer: &Tokenizer, limit: usize) -> Option<Finish> {
        self.tokens.push(token);
        let Some(bytes) = tokenizer.bytes(token) else { return Some(Finish::Invalid) };
        self.text.extend_from_slice(bytes);
        match self.watch.push(token, bytes) {
            Verdict::Stop => Some(Finish::Stop),
            Verdict::Invalid => Some(Finish::Invalid),
            Verdict::Repetition => Some(Finish::Repetition),
            Verdict::Continue => (self.tokens.len() >= limit).then_some(Finish::Length),
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
pub(super) fn group(drawn: &[Drawn], expansions: &[u32]) -> Vec<(Drawn, Vec<u32>)> {
    let mut groups: Vec<(Drawn, Vec<u32>)> = Vec::new();
    for (drawn, expansion) in drawn.iter().zip(expansions) {
        match groups.iter_mut().find(|(first, _)| first.token == drawn.token) {
            Some((_, members)) => members.push(*expansion),
            None => groups.push((*drawn, vec![*expansion])),
        }
    }
    groups
}
