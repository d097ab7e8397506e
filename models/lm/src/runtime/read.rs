//! Reading logits of given tokens.

use tokio::sync::oneshot;

use super::batch::Batch;
use super::generate::{check_length, check_tokens};
use super::job::{Job, Owned, no_room};
use super::parts::Parts;
use super::places::Place;
use super::room::{Claim, Room};
use super::tally::Tally;
use super::turns::Turn;
use crate::kv::{Owner, Role, Sequence};
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

/// What a request cost, in tokens. A prompt counts without its last token, which every sequence computes
/// or finds with its own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadUsage {
    /// Tokens of the prompt that were computed for this request.
    pub prompt_tokens: u64,
    /// Tokens of prompt and sequences that were there already, or were computed for another request; of
    /// each sequence its own.
    pub cached_tokens: u64,
    /// Tokens of sequences that were computed for this request.
    pub computed_tokens: u64,
    /// Nodes of the token trie of prompt and sequences, without those that earlier requests of the owner
    /// had.
    pub distinct_tokens: u64,
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
    tally: Tally,
    owner: Owner,
    turn: Turn,
    reply: oneshot::Sender<Result<ReadReply, LmError>>,
    _place: Place,
    /// The sequences.
    parts: Parts,
    /// Sequences with logits to be read.
    items: Vec<ReadItem>,
    claim: Option<Claim>,
    logits: Vec<Vec<LogitsAt>>,
}

/// One sequence of a request.
struct ReadItem {
    /// Index in the request.
    index: usize,
    /// The prompt and the tokens.
    sequence: Sequence,
    /// How many tokens of the sequence stand before those of the request.
    before: usize,
}

impl ReadJob {
    pub(super) fn new(
        request: ReadRequest,
        Owned { owner, turn, tally }: Owned,
        reply: oneshot::Sender<Result<ReadReply, LmError>>,
        place: Place,
    ) -> ReadJob {
        let logits = vec![Vec::new(); request.sequences.len()];
        let (parts, items) = (Parts::new(request.sequences.len()), Vec::new());
        ReadJob { request, tally, owner, turn, reply, _place: place, parts, items, claim: None, logits }
    }

    /// How many sequences it holds.
    pub(super) fn sequences(&self) -> usize {
        self.items.len()
    }

    /// Puts into the batch what sequences miss.
    pub(super) fn plan(&mut self, batch: &mut Batch) {
        for item in &self.items {
            batch.add(&item.sequence, &mut self.tally);
        }
    }

    /// Which of the pass's hidden states are wanted, in order.
    pub(super) fn wanted(&self, batch: &Batch) -> Vec<i64> {
        let rows = |item: &ReadItem| {
            let positions = &self.request.sequences[item.index].positions;
            let left = &positions[self.logits[item.index].len()..];
            let row = |position: &usize| batch.row(&item.sequence, item.before + position);
            left.iter().map_while(row).collect::<Vec<_>>()
        };
        self.items.iter().flat_map(rows).collect()
    }

    /// Takes the logits that [`wanted`](ReadJob::wanted) asked for.
    pub(super) fn advance(&mut self, batch: &Batch, logits: &mut impl Iterator<Item = LogitsAt>) {
        let ReadJob { items, request, logits: found, .. } = self;
        items.retain(|item| {
            let (positions, found) = (&request.sequences[item.index].positions, &mut found[item.index]);
            while let Some(position) = positions.get(found.len())
                && batch.row(&item.sequence, item.before + position).is_some()
            {
                found.extend(logits.next());
            }
            let done = found.len() == positions.len();
            if done && !request.deterministic {
                item.sequence.keep();
            }
            !done
        });
    }

    /// What of `tokens` may be continued from: nothing that is computed beyond the first position
    /// whose logits are wanted.
    fn held(trunk: &Sequence, tokens: &[u32], first: usize) -> (Sequence, usize) {
        let (found, held) = trunk.descend(tokens);
        if held <= first || found.lacks() >= held - first {
            return (found, held);
        }
        trunk.descend(&tokens[..first])
    }
}

impl Job for ReadJob {
    fn turn(&self) -> Turn {
        self.turn
    }

    fn prompt(&self) -> &Prompt {
        &self.request.prompt
    }

    fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    fn worst_case(&self) -> usize {
        self.request.sequences[self.parts.next()]
            .iter()
            .map(|sequence| Room::rounded(sequence.tokens.len() + 1))
            .sum()
    }

    fn begin(&mut self, claim: Claim) -> Result<(), LmError> {
        let prompt = &self.request.prompt.tokens;
        let last = prompt[prompt.len() - 1];
        self.tally.need_prompt(claim.trunk.len(), claim.found);
        let visited = self.tally.visit(self.tally.root(), prompt);
        let role = if self.request.deterministic { Role::Private } else { Role::Answer };
        for index in self.parts.take() {
            let ReadSequence { tokens, positions } = &self.request.sequences[index];
            let Some(first) = positions.first() else { continue };
            let tokens: Vec<u32> = [&[last], tokens.as_slice()].concat();
            let (mut sequence, held) = match self.request.deterministic {
                true => (claim.trunk.clone(), 0),
                false => ReadJob::held(&claim.trunk, &tokens, first + 1),
            };
            self.tally.need_answer(tokens.len(), held);
            self.tally.visit(visited, &tokens[1..]);
            if !sequence.extend(&tokens[held..], role, self.owner) {
                return Err(no_room());
            }
            self.items.push(ReadItem { index, sequence, before: prompt.len() });
        }
        self.claim = Some(claim);
        Ok(())
    }

    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    fn is_alone(&self) -> bool {
        self.request.deterministic
    }

    fn is_idle(&self) -> bool {
        self.items.is_empty()
    }

    fn rest(&mut self) {
        self.claim = None;
    }

    fn finish(self) {
        let (computed, cached) = (self.tally.computed(), self.tally.cached());
        let usage = ReadUsage {
            prompt_tokens: computed.prompt,
            cached_tokens: cached.prompt + cached.answer,
            computed_tokens: computed.answer,
            distinct_tokens: self.tally.distinct(),
        };
        // A caller that has gone does not want to know.
        let _ = self.reply.send(Ok(ReadReply { logits: self.logits, usage }));
    }

    fn fail(self, error: LmError) {
        let _ = self.reply.send(Err(error));
    }
}
