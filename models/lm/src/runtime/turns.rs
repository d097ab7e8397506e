//! Whose work goes first: that of whoever came first.
//!
//! Requests come one round after the other, so that by their own order all searches would advance together
//! and end late together. By the order of their owners, one search after the other ends, and those that wait
//! hold nothing yet.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::kv::Owner;

/// Most owners whose turns are known. One that is beyond it and comes back takes a new turn.
// Evaluated by the compiler, which refuses a zero.
const MOST_OWNERS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// A request's turn: its owner's, then its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Turn {
    /// When the owner came; of a request that nobody owns, its own.
    pub(super) owner: u64,
    request: u64,
}

/// The turns of owners.
pub(super) struct Turns {
    owners: LruCache<u64, u64>,
    next: u64,
}

impl Turns {
    pub(super) fn new() -> Turns {
        Turns { owners: LruCache::new(MOST_OWNERS), next: 0 }
    }

    /// The turn of a request that comes now.
    pub(super) fn of(&mut self, owner: Owner) -> Turn {
        let request = self.next;
        self.next += 1;
        let owner = owner.map_or(request, |owner| *self.owners.get_or_insert(owner, || request));
        Turn { owner, request }
    }

    /// Drops an owner's turn.
    pub(super) fn forget(&mut self, owner: u64) {
        self.owners.pop(&owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_requests_of_an_earlier_owner_go_first() {
        let mut turns = Turns::new();
        let (first, second, nobody) = (turns.of(Some(7)), turns.of(Some(8)), turns.of(None));
        let again = turns.of(Some(7));
        let mut order = [nobody, again, second, first];
        order.sort();
        assert_eq!(order, [first, again, second, nobody]);
        turns.forget(7);
        assert!(turns.of(Some(7)) > nobody);
    }
}
