//! What one request costs.

use std::rc::Rc;

use super::distinct::{Prefix, Trie};
use super::meters::Meters;
use crate::kv::Role;

/// Numbers of tokens, of prompts and behind them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Tokens {
    pub(super) prompt: u64,
    pub(super) answer: u64,
}

/// What computing tokens behind prompts is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Decode,
    Read,
}

/// The counts of one request. Metrics are told at once, so that they have what a request that fails or is
/// cancelled had cost.
pub(super) struct Tally {
    meters: Rc<Meters>,
    trie: Rc<Trie>,
    phase: Phase,
    /// Tokens whose keys and values the request needs, of each of its sequences its own.
    needed: Tokens,
    computed: Tokens,
    sampled: u64,
    shared: u64,
    distinct: u64,
}

impl Tally {
    pub(super) fn new(meters: Rc<Meters>, trie: Rc<Trie>, phase: Phase) -> Tally {
        let (needed, computed) = (Tokens::default(), Tokens::default());
        Tally { meters, trie, phase, needed, computed, sampled: 0, shared: 0, distinct: 0 }
    }

    /// The request needs tokens of its prompt, of which so many are there or on their way.
    pub(super) fn need_prompt(&mut self, tokens: usize, found: usize) {
        self.needed.prompt += tokens as u64;
        self.meters.cached.increment(found as u64);
    }

    /// The same of tokens behind the prompt.
    pub(super) fn need_answer(&mut self, tokens: usize, found: usize) {
        self.needed.answer += tokens as u64;
        self.meters.cached.increment(found as u64);
    }

    /// Tokens go into a pass on behalf of this request.
    pub(super) fn compute(&mut self, role: Role, tokens: usize) {
        let tokens = tokens as u64;
        let (computed, meter) = match (role, self.phase) {
            (Role::Prompt, _) => (&mut self.computed.prompt, &self.meters.prefill),
            (_, Phase::Decode) => (&mut self.computed.answer, &self.meters.decode),
            (_, Phase::Read) => (&mut self.computed.answer, &self.meters.read),
        };
        *computed += tokens;
        meter.increment(tokens);
    }

    /// A row drew for so many expansions at once.
    pub(super) fn draw(&mut self, expansions: usize) {
        let shared = expansions.saturating_sub(1) as u64;
        self.sampled += expansions as u64;
        self.shared += shared;
        self.meters.shared.increment(shared);
    }

    /// The empty sequence.
    pub(super) fn root(&self) -> Prefix {
        self.trie.root()
    }

    /// Counts the nodes of a sequence that goes on from another by tokens; returns the whole.
    pub(super) fn visit(&mut self, from: Prefix, tokens: &[u32]) -> Prefix {
        let (end, new) = self.trie.walk(from, tokens);
        self.distinct += new;
        self.meters.distinct.increment(new);
        end
    }

    /// Tokens that were put into passes.
    pub(super) fn computed(&self) -> Tokens {
        self.computed
    }

    /// Of a request that is done: tokens that were there, or were computed for others.
    pub(super) fn cached(&self) -> Tokens {
        let Tokens { prompt, answer } = self.computed;
        Tokens {
            prompt: self.needed.prompt.saturating_sub(prompt),
            answer: self.needed.answer.saturating_sub(answer),
        }
    }

    /// Tokens as independent sampling would have drawn them.
    pub(super) fn sampled(&self) -> u64 {
        self.sampled
    }

    /// Draws without a row of their own.
    pub(super) fn shared(&self) -> u64 {
        self.shared
    }

    /// Nodes that nobody of this owner had before.
    pub(super) fn distinct(&self) -> u64 {
        self.distinct
    }
}
