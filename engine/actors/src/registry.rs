//! Which searches are running.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio_util::sync::CancellationToken;

use crate::error::EngineError;

/// Names a search among the running ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchId(pub Arc<str>);

impl From<&str> for SearchId {
    fn from(id: &str) -> SearchId {
        SearchId(Arc::from(id))
    }
}

impl fmt::Display for SearchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to searches since the engine started. `started` is the sum of the others and of
/// those that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Searches that began.
    pub started: u64,
    /// Searches that ended with an outcome.
    pub ended: u64,
    /// Searches whose actors were lost.
    pub lost: u64,
}

/// Running searches by id, shared by the engine and the guards.
#[derive(Debug)]
pub(crate) struct Registry {
    running: DashMap<SearchId, CancellationToken>,
    max_searches: usize,
    started: AtomicU64,
    ended: AtomicU64,
    lost: AtomicU64,
}

impl Registry {
    pub(crate) fn new(max_searches: usize) -> Arc<Registry> {
        Arc::new(Registry {
            running: DashMap::new(),
            max_searches,
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        })
    }

    /// Enters a search. It stays until the registration is dropped, whoever drops it.
    pub(crate) fn enter(self: &Arc<Registry>, id: SearchId) -> Result<Registration, EngineError> {
        // Searches that enter at the same moment may exceed the bound by each other's number.
        if self.running.len() >= self.max_searches {
            return Err(EngineError::Full { max_searches: self.max_searches });
        }
        let cancel = CancellationToken::new();
        match self.running.entry(id.clone()) {
            Entry::Occupied(_) => return Err(EngineError::DuplicateId(id)),
            Entry::Vacant(vacant) => drop(vacant.insert(cancel.clone())),
        }
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(Registration { registry: Arc::clone(self), id, cancel, ended: false })
    }

    /// Cancels a search; false if none of this id is running.
    pub(crate) fn cancel(&self, id: &SearchId) -> bool {
        self.running.get(id).inspect(|cancel| cancel.cancel()).is_some()
    }

    pub(crate) fn live(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            started: self.started.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}

/// A search's place in the registry. Dropping it clears the place; actix does not recover an actor
/// that panics, but drops it, and this with it.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    id: SearchId,
    cancel: CancellationToken,
    ended: bool,
}

impl Registration {
    pub(crate) fn id(&self) -> &SearchId {
        &self.id
    }

    /// Is cancelled when nobody wants the search's answer any more.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The search has an outcome.
    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.running.remove(&self.id);
        let counter = if self.ended { &self.registry.ended } else { &self.registry.lost };
        counter.fetch_add(1, Ordering::Relaxed);
        if !self.ended {
            tracing::error!(search = %self.id, "search lost");
        }
    }
}
