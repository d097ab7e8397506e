//! Admission: who may claim how many token slots.
//!
//! A request is admitted when its prompt and everything that it may generate fit beside those that are
//! admitted, so that an admitted request never has to be recomputed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::kv::KvPool;
use crate::{LmError, Prompt};

/// The pool, and how much of it admitted requests may still claim.
pub(super) struct Room {
    pub(super) pool: KvPool,
    ledger: Rc<RefCell<Ledger>>,
    bytes_per_token: u64,
}

/// What admitted requests have claimed.
#[derive(Default)]
struct Ledger {
    /// Tokens beside prompts.
    tokens: usize,
    /// Prompts by digest: their tokens, and the number of requests.
    prompts: HashMap<[u8; 32], (usize, usize)>,
}

/// A request's claim; given back when dropped.
pub(super) struct Claim {
    tokens: usize,
    digest: [u8; 32],
    ledger: Rc<RefCell<Ledger>>,
}

impl Room {
    /// An empty pool's room. `bytes_per_token` is what a token's keys and values take.
    pub(super) fn new(pool: KvPool, bytes_per_token: u64) -> Room {
        Room { pool, ledger: Rc::default(), bytes_per_token }
    }

    /// Tokens that a row of `tokens` tokens may occupy, slots that splits leave unused included.
    pub(super) fn rounded(tokens: usize) -> usize {
        tokens.next_multiple_of(8) + 16
    }

    /// Claims room for a request: `tokens` beside its prompt. `None` if that does not fit now.
    pub(super) fn admit(&self, prompt: &Prompt, tokens: usize) -> Option<Claim> {
        let mut ledger = self.ledger.borrow_mut();
        let known = ledger.prompts.contains_key(&prompt.digest);
        let held: usize = ledger.prompts.values().map(|(tokens, _)| tokens).sum();
        let more = tokens + if known { 0 } else { prompt.tokens.len() };
        if ledger.tokens + held + more > self.pool.capacity() {
            return None;
        }
        ledger.tokens += tokens;
        ledger.prompts.entry(prompt.digest).or_insert((prompt.tokens.len(), 0)).1 += 1;
        Some(Claim { tokens, digest: prompt.digest, ledger: Rc::clone(&self.ledger) })
    }

    /// Tokens beside prompts that admitted requests have claimed.
    pub(super) fn claimed_tokens(&self) -> usize {
        self.ledger.borrow().tokens
    }

    /// What a token's keys and values take.
    pub(super) fn bytes_per_token(&self) -> u64 {
        self.bytes_per_token
    }

    /// Whether an admitted request has this prompt.
    pub(super) fn is_wanted(&self, prompt: &Prompt) -> bool {
        self.ledger.borrow().prompts.contains_key(&prompt.digest)
    }

    /// The error of a request that does not fit even alone.
    pub(super) fn bound_error(&self, prompt: &Prompt, tokens: usize) -> LmError {
        LmError::KvBound {
            needed: (prompt.tokens.len() + tokens) as u64 * self.bytes_per_token,
            bound: self.pool.capacity() as u64 * self.bytes_per_token,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut ledger = self.ledger.borrow_mut();
        ledger.tokens -= self.tokens;
        if let Some((_, requests)) = ledger.prompts.get_mut(&self.digest) {
            *requests -= 1;
            if *requests == 0 {
                ledger.prompts.remove(&self.digest);
            }
        }
    }
}
