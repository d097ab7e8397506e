//! Owners that were forgotten lately.

use std::collections::{HashSet, VecDeque};

use super::tree::Owner;

/// How many are remembered: far more than requests can be on their way.
const MOST: usize = 16 * 1024;

/// A message that forgets an owner may overtake a request of it; what that one leaves would stay until
/// room is needed.
#[derive(Default)]
pub(crate) struct Forgotten {
    order: VecDeque<u64>,
    owners: HashSet<u64>,
}

impl Forgotten {
    pub(crate) fn add(&mut self, owner: u64) {
        if self.owners.insert(owner) {
            self.order.push_back(owner);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.owners.remove(&oldest);
        }
    }

    pub(crate) fn holds(&self, owner: Owner) -> bool {
        owner.is_some_and(|owner| self.owners.contains(&owner))
    }
}
