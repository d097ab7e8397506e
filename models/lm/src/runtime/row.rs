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

/// What becomes of a row that drew a token.
pub(super) enum Step {
    Alive(Row),
    Ended(Continuation),
}

impl Row {
    /// The row of those expansions that drew this token. `limit` is the most tokens of a continuation.
    pub(super) fn step(
        &self,
        drawn: Drawn,
        expansions: Vec<u32>,
        tokenizer: &Tokenizer,
        limit: usize,
        config: &ModelConfig,
    ) -> Step {
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
