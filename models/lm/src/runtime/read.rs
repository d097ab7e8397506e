//! Reading logits of given tokens.

use tokio::sync::oneshot;

use super::generate::{check_length, check_tokens};
use super::job::Job;
use super::places::Place;
use super::room::{Claim, Room};
use crate::kv::Sequence;
use crate::{Head, LmError, ModelConfig, Prompt};

/// Asks for logits.
pub struct ReadRequest {
    /// Whose work it is; [`crate::ModelHandle::forget`] frees by this name. May be empty.
    pub owner: String,
    /// The prompt.
    pub prompt: Prompt,
    /// What follows the prompt, once per sequence.
    pub sequences: Vec<ReadSequence>,
    /// The vocabulary entries whose logits are wanted; 0 for the number of a scalar head.
    pub ids: Vec<u32>,
    /// Compute in fixed shapes, batched with nothing else.
    pub deterministic: bool,
}

/// Tokens after the prompt, and where to read.
#[derive(Clone, Debug)]
pub struct ReadSequence {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// Indices into `tokens`, ascending: the logits after each of these tokens are wanted.
    pub positions: Vec<usize>,
}

/// The logits at one position, in order of the request's `ids`. float32.
pub type LogitsAt = Vec<f32>;

/// The logits that were asked for.
#[derive(Clone, Debug)]
pub struct ReadReply {
    /// Per sequence, per position.
    pub logits: Vec<Vec<LogitsAt>>,
    /// What was computed.
    pub usage: ReadUsage,
}

/// Tokens that were computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadUsage {
    /// Tokens of the prompt that were computed for this request.
    pub prompt_tokens: u64,
    /// Tokens of prompt and sequences that were there already.
    pub cached_tokens: u64,
    /// Tokens of sequences that were computed.
    pub computed_tokens: u64,
}

impl ReadRequest {
    pub(super) fn check(&self, config: &ModelConfig) -> Result<(), LmError> {
        let vocab_size = config.vocab_size as usize;
        check_tokens("prompt", &self.prompt.tokens, vocab_size)?;
        check_tokens("ids", &self.ids, if config.head == Head::Scalar { 1 } else { vocab_size })?;
        for sequence in &self.sequences {
            check_tokens("sequences", &sequence.tokens, vocab_size)?;
        }
        let longest = self.sequences.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        check_length(&self.prompt, longest, config)
    }
}

/// A request in work.
pub(super) struct ReadJob {
    pub(super) request: ReadRequest,
    pub(super) usage: ReadUsage,
    reply: oneshot::Sender<Result<ReadReply, LmError>>,
    _place: Place,
    claim: Option<Claim>,
    /// `None` until the prompt is there.
    items: Option<Vec<ReadItem>>,
    logits: Vec<Vec<LogitsAt>>,
}

/// One sequence of a request.
pub(super) struct ReadItem {
    /// Index in the request.
    pub(super) index: usize,
    pub(super) sequence: Sequence,
    /// Tokens that the sequence does not hold yet.
    pub(super) pending: Vec<u32>,
    /// Where to read, as indices into `pending`.
    pub(super) positions: Vec<usize>,
}

impl ReadJob {
    pub(super) fn new(
        request: ReadRequest,
        reply: oneshot::Sender<Result<ReadReply, LmError>>,
        place: Place,
    ) -> ReadJob {
        let logits = vec![Vec::new(); request.sequences.len()];
        let usage = ReadUsage::default();
        ReadJob { request, usage, reply, _place: place, claim: None, items: None, logits }
    }

    /// How many sequences it holds.
    pub(super) fn sequences(&self) -> usize {
        self.items.as_ref().map_or(0, Vec::len)
    }

    /// Begins: `continue_from` gives, for tokens and how many of them may be held already, a
    /// sequence and how many it holds.
    pub(super) fn start(&mut self, mut continue_from: impl FnMut(&[u32], usize) -> (Sequence, usize)) {
        let last = self.request.prompt.tokens[self.request.prompt.tokens.len() - 1];
        let mut items = Vec::new();
        for (index, ReadSequence { tokens, positions }) in self.request.sequences.iter().enumerate() {
            let Some(first) = positions.first() else { continue };
            let (sequence, held) = continue_from(tokens, *first);
            self.usage.cached_tokens += held as u64;
            let prompt_end = if held == 0 { Some(last) } else { None };
            let shift = usize::from(held == 0);
            items.push(ReadItem {
                index,
                sequence,
                pending: prompt_end.into_iter().chain(tokens[held..].iter().copied()).collect(),
                positions: positions.iter().map(|position| position + shift - held).collect(),
            });
        }
        items.reverse();
        self.items = Some(items);
    }

    /// Takes sequences to compute, of at most `budget` tokens together but at least one.
    pub(super) fn take(&mut self, budget: usize) -> Vec<ReadItem> {
        let mut taken = Vec::new();
        let mut tokens = 0;
        while let Some(items) = &mut self.items
            && let Some(next) = items.last()
            && (taken.is_empty() || tokens + next.pending.len() <= budget)
        {
            tokens += next.pending.len();
            taken.extend(items.pop());
        }
        taken
    }

    /// Takes the logits of one sequence.
    pub(super) fn advance(&mut self, item: &ReadItem, logits: Vec<LogitsAt>) {
        self.usage.computed_tokens += item.pending.len() as u64;
        self.logits[item.index] = logits;
    }
}

impl Job for ReadJob {
    fn prompt(&self) -> &Prompt {
        &self.request.prompt
    }

    fn worst_case(&self) -> usize {
        self.request.sequences.iter().map(|sequence| Room::rounded(sequence.tokens.len() + 1)).sum()
    }

    fn admit(&mut self, claim: Claim) {
        self.claim = Some(claim);
    }

    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    fn is_running(&self) -> bool {
        self.items.is_some()
    }

    fn is_alone(&self) -> bool {
        self.request.deterministic
    }

    fn is_done(&self) -> bool {
        self.items.as_ref().is_some_and(Vec::is_empty)
    }

    fn finish(self) {
        // A caller that has gone does not want to know.
        let _ = self.reply.send(Ok(ReadReply { logits: self.logits, usage: self.usage }));
    }

    fn fail(self, error: LmError) {
        let _ = self.reply.send(Err(error));
    }
}
