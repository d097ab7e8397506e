//! Admission: who may claim how many token slots.
//!
//! A request is admitted when its prompt and everything that it may generate fit beside those that are
//! admitted, so that an admitted request never has to be recomputed. Prompts count by what they do not
//! share.

use std::cell::Cell;
use std::rc::Rc;

use crate::kv::{Hold, KvStore, Role, Sequence, Space};
use crate::{LmError, Prompt};

/// The store, and how much of it admitted requests may still claim.
pub(super) struct Room {
    pub(super) store: KvStore,
    /// Tokens beside prompts.
    claimed: Rc<Cell<usize>>,
    bytes_per_token: u64,
}

/// An admitted request's place: its prompt, without the last token, and a claim that is given back when
/// dropped.
pub(super) struct Claim {
    /// All but the prompt's last token, which every request computes, because it needs its logits.
    pub(super) trunk: Sequence,
    /// How many tokens of the trunk were there, or on their way, already.
    pub(super) found: usize,
    _held: Hold,
    tokens: usize,
    claimed: Rc<Cell<usize>>,
}

impl Room {
    /// An empty store's room. `bytes_per_token` is what a token's keys and values take.
    pub(super) fn new(store: KvStore, bytes_per_token: u64) -> Room {
        Room { store, claimed: Rc::default(), bytes_per_token }
    }

    /// Tokens that a row of `tokens` tokens may occupy, slots that splits leave unused included.
    pub(super) fn rounded(tokens: usize) -> usize {
        tokens.next_multiple_of(8) + 16
    }

    /// Claims room for a request: `tokens` beside its prompt. `None` if that does not fit now.
    pub(super) fn admit(&self, prompt: &Prompt, deterministic: bool, tokens: usize) -> Option<Claim> {
        let space = if deterministic { Space::Deterministic(prompt.digest) } else { Space::Shared };
        let trunk = &prompt.tokens[..prompt.tokens.len() - 1];
        let (mut sequence, found) = self.store.find(space, trunk);
        let before = sequence.hold();
        let needed = self.store.held() + trunk.len() - found + self.claimed.get() + tokens;
        if needed > self.store.capacity() || !sequence.extend(&trunk[found..], Role::Prompt, None) {
            return None;
        }
        let held = sequence.hold();
        drop(before);
        self.claimed.set(self.claimed.get() + tokens);
        Some(Claim { trunk: sequence, found, _held: held, tokens, claimed: Rc::clone(&self.claimed) })
    }

    /// Tokens beside prompts that admitted requests have claimed.
    pub(super) fn claimed_tokens(&self) -> usize {
        self.claimed.get()
    }

    /// What a token's keys and values take.
    pub(super) fn bytes_per_token(&self) -> u64 {
        self.bytes_per_token
    }

    /// The error of a request that does not fit even alone.
    pub(super) fn bound_error(&self, prompt: &Prompt, tokens: usize) -> LmError {
        LmError::KvBound {
            needed: (prompt.tokens.len() + tokens) as u64 * self.bytes_per_token,
            bound: self.store.capacity() as u64 * self.bytes_per_token,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.set(self.claimed.get() - self.tokens);
    }
}
