//! Distinct tokens: the nodes of the trie of all token sequences that a request needs or draws.
//!
//! They are what the runtime's work is measured against, so that nothing here knows what is cached. A node
//! is known by a rolling hash of the tokens on its path; per owner there is a set of them.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::rc::Rc;

use lru::LruCache;

use crate::kv::{Forgotten, Owner};
use crate::mix::mix;

/// Most nodes of one owner. Beyond it, nothing is new any more: a ratio of work to nodes errs upwards.
const MOST_OF_ONE: usize = 1 << 20;

/// Most nodes of all owners, about 20 bytes each. Beyond it the owners used least recently go; one that
/// comes back counts from the start.
const MOST: usize = 1 << 21;

/// Most owners.
// Evaluated by the compiler, which refuses a zero.
const MOST_OWNERS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The tries of owners.
pub(super) struct Tries {
    owners: LruCache<u64, Rc<Trie>>,
    forgotten: Forgotten,
    /// Nodes of all tries that are in use.
    nodes: Rc<Cell<usize>>,
    /// Unknown to callers, so that none can make its prefixes collide.
    root: Prefix,
}

/// A sequence of tokens, by its hash. Two of the same trie are equal by chance in one case of 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Prefix(u64);

/// The nodes of one owner's sequences. With a node it has all nodes above it.
pub(super) struct Trie {
    prefixes: RefCell<HashSet<u64>>,
    nodes: Rc<Cell<usize>>,
    root: Prefix,
    most: usize,
}

impl Tries {
    pub(super) fn new() -> Tries {
        Tries {
            owners: LruCache::new(MOST_OWNERS),
            forgotten: Forgotten::default(),
            nodes: Rc::default(),
            root: Prefix(RandomState::new().hash_one("root")),
        }
    }

    /// The trie of an owner's request. It is the request's alone if nobody owns it, or if its owner was
    /// forgotten.
    pub(super) fn of(&mut self, owner: Owner) -> Rc<Trie> {
        let empty = || Rc::new(Trie::new(self.root, Rc::clone(&self.nodes), MOST_OF_ONE));
        let Some(name) = owner.filter(|_| !self.forgotten.holds(owner)) else { return empty() };
        let trie = Rc::clone(self.owners.get_or_insert(name, empty));
        while self.nodes.get() > MOST && self.owners.len() > 1 {
            self.owners.pop_lru();
        }
        trie
    }

    /// Drops an owner's trie as soon as no request uses it.
    pub(super) fn forget(&mut self, owner: u64) {
        self.forgotten.add(owner);
        self.owners.pop(&owner);
    }
}

impl Prefix {
    /// The sequence with one more token.
    pub(super) fn then(self, token: u32) -> Prefix {
        Prefix(mix(self.0 ^ mix(u64::from(token))))
    }
}

impl Trie {
    fn new(root: Prefix, nodes: Rc<Cell<usize>>, most: usize) -> Trie {
        Trie { prefixes: RefCell::default(), nodes, root, most }
    }

    /// The empty sequence.
    pub(super) fn root(&self) -> Prefix {
        self.root
    }

    /// Goes on from a sequence of this trie by tokens: the longer sequence, and how many nodes are new.
    pub(super) fn walk(&self, from: Prefix, tokens: &[u32]) -> (Prefix, u64) {
        let path: Vec<Prefix> = tokens
            .iter()
            .scan(from, |at, token| {
                *at = at.then(*token);
                Some(*at)
            })
            .collect();
        let mut prefixes = self.prefixes.borrow_mut();
        let before = prefixes.len();
        // A node that is there has all nodes above it.
        let known = path.iter().rposition(|prefix| prefixes.contains(&prefix.0)).map_or(0, |last| last + 1);
        let room = self.most - before;
        prefixes.extend(path[known..].iter().take(room).map(|prefix| prefix.0));
        let new = prefixes.len() - before;
        self.nodes.set(self.nodes.get() + new);
        (path.last().copied().unwrap_or(from), new as u64)
    }
}

impl Drop for Trie {
    fn drop(&mut self) {
        self.nodes.set(self.nodes.get() - self.prefixes.get_mut().len());
    }
}

#[cfg(test)]
mod tests;
