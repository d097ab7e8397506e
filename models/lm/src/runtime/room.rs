//! Admission: who may claim how many token slots.
//!
//! A request is admitted when its prompt and everything that it may generate fit beside those that are
//! admitted, so that an admitted request never has to be recomputed.

use std::collections::HashMap;

use crate::kv::KvPool;
use crate::{LmError, Prompt};

/// The pool, and how much of it admitted requests may still claim.
pub(super) struct Room {
    pub(super) pool: KvPool,
    /// Tokens claimed by requests, beside their prompts.
    claimed: usize,
    /// Prompts of admitted requests: tokens and number of requests.
    prompts: HashMap<[u8; 32], (usize, usize)>,
    bytes_per_token: u64,
}

impl Room {
    /// An empty pool's room. `bytes_per_token` is what a token's keys and values take.
    pub(super) fn new(pool: KvPool, bytes_per_token: u64) -> Room {
        Room { pool, claimed: 0, prompts: HashMap::new(), bytes_per_token }
    }

    /// Tokens that a row of `tokens` tokens may occupy, slots that splits leave unused included.
    pub(super) fn rounded(tokens: usize) -> usize {
        tokens.next_multiple_of(8) + 16
    }

    /// Claims room for a request: `claim` tokens beside its prompt. `false` if that does not fit now.
    pub(super) fn admit(&mut self, prompt: &Prompt, claim: usize) -> bool {
        let known = self.prompts.contains_key(&prompt.digest);
        let held: usize = self.prompts.values().map(|(tokens, _)| tokens).sum();
        let more = claim + if known { 0 } else { prompt.tokens.len() };
        if self.claimed + held + more > self.pool.capacity() {
            return false;
        }
        self.claimed += claim;
        self.prompts.entry(prompt.digest).or_insert((prompt.tokens.len(), 0)).1 += 1;
        true
    }

    /// Gives back what a request claimed.
    pub(super) fn release(&mut self, prompt: &Prompt, claim: usize) {
        self.claimed -= claim;
        if let Some((_, requests)) = self.prompts.get_mut(&prompt.digest) {
            *requests -= 1;
            if *requests == 0 {
                self.prompts.remove(&prompt.digest);
            }
        }
    }

    /// Whether an admitted request has this prompt.
    pub(super) fn is_wanted(&self, prompt: &Prompt) -> bool {
        self.prompts.contains_key(&prompt.digest)
    }

    /// The error of a request that does not fit even alone.
    pub(super) fn bound_error(&self, prompt: &Prompt, claim: usize) -> LmError {
        LmError::KvBound {
            needed: (prompt.tokens.len() + claim) as u64 * self.bytes_per_token,
            bound: self.pool.capacity() as u64 * self.bytes_per_token,
        }
    }
}
