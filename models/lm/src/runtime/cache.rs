//! Sequences that are kept after the request that computed them, to continue from.
//!
//! Everything here can be recomputed. Entries go when room is needed, least recently used first, or
//! when their owner is forgotten.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::kv::Sequence;

type Digest = [u8; 32];

/// How many forgotten owners are remembered: far more than requests can be on their way.
const FORGOTTEN: usize = 16 * 1024;

/// Kept prompts and partial answers.
#[derive(Default)]
pub(super) struct PrefixCache {
    prompts: HashMap<Digest, Kept>,
    answers: HashMap<AnswerKey, KeptAnswer>,
    owners: HashMap<String, HashSet<AnswerKey>>,
    forgotten: Forgotten,
    clock: u64,
}

/// A prompt and a hash of the answer's tokens.
type AnswerKey = (Digest, u64);

struct Kept {
    sequence: Sequence,
    used: u64,
}

struct KeptAnswer {
    kept: Kept,
    /// The answer's tokens whose keys and values the sequence holds; compared on every hit.
    tokens: Vec<u32>,
    owner: String,
}

impl PrefixCache {
    /// The keys and values of a prompt, if they are here.
    pub(super) fn prompt(&mut self, digest: &Digest) -> Option<Sequence> {
        self.clock += 1;
        let kept = self.prompts.get_mut(digest)?;
        kept.used = self.clock;
        Some(kept.sequence.clone())
    }

    pub(super) fn keep_prompt(&mut self, digest: Digest, sequence: Sequence) {
        self.clock += 1;
        self.prompts.insert(digest, Kept { sequence, used: self.clock });
    }

    /// The longest kept prefix of `answer` with at most `most` tokens: its sequence and length.
    pub(super) fn longest_prefix(
        &mut self,
        digest: &Digest,
        answer: &[u32],
        most: usize,
    ) -> Option<(Sequence, usize)> {
        self.clock += 1;
        let mut hash = 0;
        let mut hashes = Vec::with_capacity(answer.len());
        for token in &answer[..most.min(answer.len())] {
            hash = extend_hash(hash, *token);
            hashes.push(hash);
        }
        for (index, hash) in hashes.iter().enumerate().rev() {
            if let Some(answer_kept) = self.answers.get_mut(&(*digest, *hash))
                && answer_kept.tokens == answer[..=index]
            {
                answer_kept.kept.used = self.clock;
                return Some((answer_kept.kept.sequence.clone(), index + 1));
            }
        }
        None
    }

    /// Keeps a partial answer for whoever continues it, unless its owner was forgotten.
    pub(super) fn keep_answer(&mut self, digest: Digest, tokens: Vec<u32>, sequence: Sequence, owner: &str) {
        if tokens.is_empty() || self.forgotten.holds(owner) {
            return;
        }
        self.clock += 1;
        let key = (digest, tokens.iter().fold(0, |hash, token| extend_hash(hash, *token)));
        let kept = Kept { sequence, used: self.clock };
        if let Some(before) = self.answers.insert(key, KeptAnswer { kept, tokens, owner: owner.to_owned() }) {
            self.disown(&before.owner, &key);
        }
        self.owners.entry(owner.to_owned()).or_default().insert(key);
    }

    /// Frees what belongs to `owner`, and keeps nothing for it from now on.
    pub(super) fn forget(&mut self, owner: &str) {
        for key in self.owners.remove(owner).into_iter().flatten() {
            self.answers.remove(&key);
        }
        self.forgotten.add(owner);
    }

    /// Frees everything.
    pub(super) fn forget_all(&mut self) {
        self.prompts.clear();
        self.answers.clear();
        self.owners.clear();
    }

    /// How many prompts are kept, and their slots.
    pub(super) fn prompts(&self) -> (usize, usize) {
        (self.prompts.len(), self.prompts.values().map(|kept| kept.sequence.len()).sum())
    }

    /// How many answers are kept.
    pub(super) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Frees the least recently used answer, or prompt if there is no answer. `false` if there is
    /// nothing to free.
    pub(super) fn evict(&mut self) -> bool {
        if let Some(key) = self.answers.iter().min_by_key(|(_, answer)| answer.kept.used).map(|(key, _)| *key)
        {
            if let Some(answer) = self.answers.remove(&key) {
                self.disown(&answer.owner, &key);
            }
            return true;
        }
        let oldest = self.prompts.iter().min_by_key(|(_, kept)| kept.used).map(|(digest, _)| *digest);
        oldest.is_some_and(|digest| self.prompts.remove(&digest).is_some())
    }

    fn disown(&mut self, owner: &str, key: &AnswerKey) {
        if let Some(keys) = self.owners.get_mut(owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.owners.remove(owner);
            }
        }
    }
}

/// Owners that were forgotten lately. A message that forgets an owner may overtake a request of it;
/// what that one leaves would stay until room is needed.
#[derive(Default)]
struct Forgotten {
    hasher: RandomState,
    order: VecDeque<u64>,
    hashes: HashSet<u64>,
}

impl Forgotten {
    fn add(&mut self, owner: &str) {
        let hash = self.hasher.hash_one(owner);
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > FORGOTTEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }

    fn holds(&self, owner: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(owner))
    }
}

fn extend_hash(hash: u64, token: u32) -> u64 {
    (hash ^ u64::from(token).wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}
