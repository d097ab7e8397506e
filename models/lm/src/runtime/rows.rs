//! Sampling continuations of partial answers.
//!
//! The expansions of a beam start as one row. They stay one row for as long as they draw the same
//! tokens; a row splits where its draws differ. This is independent sampling exactly, at the cost of
//! the distinct continuations only.

use std::ops::Range;

use tokio::sync::mpsc;

use super::batch::Batch;
use super::generate::{Continuation, Finish, GenerateEvent, GenerateRequest, GenerateUsage};
use super::job::{Job, Owned, no_room};
use super::parts::Parts;
use super::places::Place;
use super::room::{Claim, Room};
use super::row::{Row, Step, group};
use super::tally::Tally;
use super::turns::Turn;
use crate::kv::{Owner, Role};
use crate::sampler::{DrawKey, Drawn, RowDraws};
use crate::{LmError, ModelConfig, Prompt, Tokenizer};

/// A request in work.
pub(super) struct GenerateJob {
    pub(super) request: GenerateRequest,
    tally: Tally,
    owner: Owner,
    turn: Turn,
    reply: mpsc::Sender<GenerateEvent>,
    _place: Place,
    /// The expansions of all beams, one after the other.
    parts: Parts,
    /// The most tokens of the model's context.
    context: usize,
    /// Empty before a part begins and after it.
    rows: Vec<Row>,
    claim: Option<Claim>,
}

impl GenerateJob {
    /// `reply` has room for all events of the request; `context` is the model's, in tokens.
    pub(super) fn new(
        request: GenerateRequest,
        Owned { owner, turn, tally }: Owned,
        reply: mpsc::Sender<GenerateEvent>,
        place: Place,
        context: usize,
    ) -> GenerateJob {
        let parts = Parts::new(request.beams.len() * request.expansions as usize);
        let rows = Vec::new();
        GenerateJob { request, tally, owner, turn, reply, _place: place, parts, context, rows, claim: None }
    }

    /// How many sequences it holds.
    pub(super) fn sequences(&self) -> usize {
        self.rows.len()
    }

    /// Puts into the batch what rows miss: only those that go on by one token, or the others.
    pub(super) fn plan(&mut self, batch: &mut Batch, one_token: bool) {
        for row in self.rows.iter_mut().filter(|row| (row.sequence.lacks() == 1) == one_token) {
            row.ready = batch.add(&row.sequence, &mut self.tally);
        }
    }

    /// Which of the pass's hidden states the rows draw from, in order.
    pub(super) fn wanted<'a>(&'a self, batch: &'a Batch) -> impl Iterator<Item = i64> + 'a {
        let ready = self.rows.iter().filter(|row| row.ready);
        ready.filter_map(|row| batch.row(&row.sequence, row.sequence.len() - 1))
    }

    /// The draws that each row makes next.
    pub(super) fn draws(&mut self) -> impl Iterator<Item = RowDraws> + '_ {
        let request = &self.request;
        self.rows.iter_mut().filter(|row| row.ready).map(|row| {
            let position = request.beams[row.beam].0.len() + row.tokens.len();
            let uniform = |expansion: &u32| row.key.uniform(*expansion, position);
            RowDraws {
                sampling: request.sampling,
                allowed: row.watch.allowed(),
                most_probable: request.most_probable,
                uniforms: row.expansions.iter().map(uniform).collect(),
            }
        })
    }

    /// Takes what each ready row drew: splits rows, and reports continuations that ended.
    ///
    /// # Errors
    /// [`LmError::BatchFailed`] if there is no room, which admission prevents.
    pub(super) fn advance(
        &mut self,
        drawn: &mut impl Iterator<Item = Vec<Drawn>>,
        tokenizer: &Tokenizer,
        config: &ModelConfig,
    ) -> Result<(), LmError> {
        for row in std::mem::take(&mut self.rows) {
            if !row.ready {
                self.rows.push(row);
                continue;
            }
            let Some(drawn) = drawn.next() else {
                return Err(LmError::BatchFailed("a draw is missing".into()));
            };
            self.tally.draw(drawn.len());
            let mut alive = Vec::new();
            for (drawn, expansions) in group(&drawn, &row.expansions) {
                let (step, taken) = row.step(drawn, expansions, tokenizer, self.limit(&row), config);
                self.tally.visit(row.prefix, &taken);
                match step {
                    Step::Alive(next) => alive.push((next, taken)),
                    Step::Ended(continuation) => {
                        let goes_on = continuation.finish == Finish::Stop || self.request.most_probable;
                        if goes_on && self.role() == Role::Answer {
                            row.sequence.keep();
                        }
                        // A caller that has gone does not want to know.
                        let _ = self.reply.try_send(GenerateEvent::Continuation(continuation));
                    }
                }
            }
            // A row that goes on alone grows in its place.
            drop(row);
            for (mut next, taken) in alive {
                if !next.sequence.extend(&taken, self.role(), self.owner) {
                    return Err(no_room());
                }
                self.tally.need_answer(taken.len(), 0);
                self.rows.push(next);
            }
        }
        Ok(())
    }

    /// The beams whose expansions begin next, and these expansions.
    fn beginning(&self) -> Vec<(usize, Range<u32>)> {
        let (units, each) = (self.parts.next(), self.request.expansions as usize);
        let beams = (0..self.request.beams.len()).filter_map(|beam| {
            let (start, end) = (units.start.max(beam * each), units.end.min((beam + 1) * each));
            let own = |unit: usize| self.request.first_expansion + (unit - beam * each) as u32;
            (start < end).then(|| (beam, own(start)..own(end)))
        });
        beams.collect()
    }

    /// What its answers are in the store.
    fn role(&self) -> Role {
        if self.request.deterministic { Role::Private } else { Role::Answer }
    }

    /// The most tokens that a continuation of this row may have.
    fn limit(&self, row: &Row) -> usize {
        let before = self.request.prompt.tokens.len() + self.request.beams[row.beam].0.len();
        let most = if self.request.most_probable { 1 } else { self.request.max_tokens };
        most.min(self.context - before)
    }
}

/// What follows a beam that fills the context.
fn nothing(beam: usize, expansions: Range<u32>) -> Continuation {
    Continuation {
        beam,
        token_ids: Vec::new(),
        text: Vec::new(),
        expansions: expansions.collect(),
        log_probability: 0.0,
        finish: Finish::Length,
    }
}

impl Job for GenerateJob {
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
        let drawn = Room::rounded(self.request.max_tokens);
        let needs = |(beam, expansions): (usize, Range<u32>)| {
            Room::rounded(self.request.beams[beam].0.len() + 1) + expansions.len() * drawn
        };
        self.beginning().into_iter().map(needs).sum()
    }

    fn begin(&mut self, claim: Claim) -> Result<(), LmError> {
        let prompt = &self.request.prompt.tokens;
        let last = prompt[prompt.len() - 1];
        self.tally.need_prompt(claim.trunk.len(), claim.found);
        let visited = self.tally.visit(self.tally.root(), prompt);
        let beginning = self.beginning();
        self.parts.take();
        for (beam, expansions) in beginning {
            let (tokens, watch) = &self.request.beams[beam];
            if prompt.len() + tokens.len() >= self.context {
                let _ = self.reply.try_send(GenerateEvent::Continuation(nothing(beam, expansions)));
                continue;
            }
            let tokens: Vec<u32> = [&[last], tokens.as_slice()].concat();
            let (mut sequence, held) = match self.request.deterministic {
                true => (claim.trunk.clone(), 0),
                // The last token is computed in any case: its logits are wanted.
                false => claim.trunk.descend(&tokens[..tokens.len() - 1]),
            };
            if !sequence.extend(&tokens[held..], self.role(), self.owner) {
                return Err(no_room());
            }
            self.tally.need_answer(tokens.len(), held);
            self.rows.push(Row {
                sequence,
                ready: false,
                beam,
                expansions: expansions.collect(),
                tokens: Vec::new(),
                prefix: self.tally.visit(visited, &tokens[1..]),
                text: Vec::new(),
                log_probability: 0.0,
                watch: watch.fork(),
                key: DrawKey::new(self.request.seed, &tokens[1..]),
            });
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
        self.rows.is_empty()
    }

    fn rest(&mut self) {
        self.claim = None;
    }

    fn finish(self) {
        let (computed, cached) = (self.tally.computed(), self.tally.cached());
        let usage = GenerateUsage {
            prompt_tokens: computed.prompt,
            cached_prompt_tokens: cached.prompt,
            decode_tokens: computed.answer,
            cached_answer_tokens: cached.answer,
            sampled_tokens: self.tally.sampled(),
            shared_rows: self.tally.shared(),
            distinct_tokens: self.tally.distinct(),
        };
        // A caller that has gone does not want to know.
        let _ = self.reply.try_send(GenerateEvent::Done(usage));
    }

    fn fail(self, error: LmError) {
        let _ = self.reply.try_send(GenerateEvent::Failed(error));
    }
}
