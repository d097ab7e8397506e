//! What a model holds.

use super::resident::Resident;
use crate::kv::Holdings;

/// What a model holds between two steps. A slot is room for the keys and values of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Steps so far; in each, every request goes on by one token.
    pub steps: u64,
    /// Requests that are computed, or wait.
    pub requests: usize,
    /// Sequences of requests: rows that are sampled, and sequences to be read.
    pub sequences: usize,
    /// Tokens that requests have set aside beside their prompts.
    pub claimed_tokens: usize,
    /// Prompts that are kept for whoever asks with them next.
    pub kept_prompts: usize,
    /// Slots of kept prompts.
    pub kept_prompt_slots: usize,
    /// Partial answers that are kept for those who continue them.
    pub kept_answers: usize,
    /// Slots in use, whoever holds them.
    pub used_slots: usize,
    /// All slots.
    pub slots: usize,
    /// Bytes of a slot.
    pub slot_bytes: u64,
}

impl Census {
    /// Bytes that are held beside kept prompts: by requests and by kept answers.
    pub fn bytes_beside_prompts(&self) -> u64 {
        // A request may hold a prompt that is not kept any more, never less than none.
        self.used_slots.saturating_sub(self.kept_prompt_slots) as u64 * self.slot_bytes
    }
}

impl Resident {
    /// Counts everything.
    pub(super) fn census(&self) -> Census {
        let Holdings { prompts, prompt_slots, answers } = self.room.store.holdings();
        Census {
            steps: self.steps,
            requests: self.places.taken(),
            sequences: self.generates.iter().map(|job| job.sequences()).sum::<usize>()
                + self.reads.iter().map(|job| job.sequences()).sum::<usize>(),
            claimed_tokens: self.room.claimed_tokens(),
            kept_prompts: prompts,
            kept_prompt_slots: prompt_slots,
            kept_answers: answers,
            used_slots: self.room.store.capacity() - self.room.store.free(),
            slots: self.room.store.capacity(),
            slot_bytes: self.room.bytes_per_token(),
        }
    }
}
