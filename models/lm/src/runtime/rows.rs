//! Sampling continuations of partial answers.
//!
//! The expansions of a beam start as one row. They stay one row for as long as they draw the same
//! tokens; a row splits where its draws differ. This is independent sampling exactly, at the cost of
//! the distinct continuations only.

use tokio::sync::mpsc;

use super::generate::{Continuation, Finish, GenerateEvent, GenerateRequest, GenerateUsage, Verdict, Watch};
use super::job::Job;
use super::places::Place;
use super::room::{Claim, Room};
use crate::kv::Sequence;
use crate::sampler::{DrawKey, Drawn, RowDraws};
use crate::{LmError, ModelConfig, Prompt, Tokenizer};

/// A request in work.
pub(super) struct GenerateJob {
    pub(super) request: GenerateRequest,
    pub(super) usage: GenerateUsage,
    reply: mpsc::Sender<GenerateEvent>,
    _place: Place,
    claim: Option<Claim>,
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
    /// `reply` has room for all events of the request.
    pub(super) fn new(
        request: GenerateRequest,
        reply: mpsc::Sender<GenerateEvent>,
        place: Place,
    ) -> GenerateJob {
        let usage = GenerateUsage::default();
        GenerateJob { request, usage, reply, _place: place, claim: None, rows: None }
    }

    /// How many sequences it holds.
    pub(super) fn sequences(&self) -> usize {
        self.rows.as_ref().map_or(0, Vec::len)
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
                        let _ = self.reply.try_send(GenerateEvent::Continuation(continuation));
                    }
                }
            }
        }
        self.rows = Some(alive);
    }

    /// The most tokens that a continuation of this row may have.
    fn limit(&self, config: &ModelConfig, row: &Row) -> usize {
        let before = self.request.prompt.tokens.len() + self.request.beams[row.beam].0.len();
        self.request.max_tokens.min(config.context_length - before)
    }
}

impl Job for GenerateJob {
    fn prompt(&self) -> &Prompt {
        &self.request.prompt
    }

    fn worst_case(&self) -> usize {
        let GenerateRequest { beams, expansions, max_tokens, .. } = &self.request;
        beams.iter().map(|(tokens, _)| tokens.len() + *expansions as usize * Room::rounded(*max_tokens)).sum()
    }

    fn admit(&mut self, claim: Claim) {
        self.claim = Some(claim);
    }

    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    fn is_running(&self) -> bool {
        self.rows.is_some()
    }

    fn is_alone(&self) -> bool {
        self.request.deterministic
    }

    fn is_done(&self) -> bool {
        self.rows.as_ref().is_some_and(Vec::is_empty)
    }

    fn finish(self) {
        // A caller that has gone does not want to know.
        let _ = self.reply.try_send(GenerateEvent::Done(self.usage));
    }

    fn fail(self, error: LmError) {
        let _ = self.reply.try_send(GenerateEvent::Failed(error));
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
