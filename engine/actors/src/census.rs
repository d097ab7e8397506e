//! How many of everything are alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an engine holds at the moment. All zero when no search runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Searches that have an id and a place.
    pub searches: usize,
    /// Coordinators, one for each search that has begun.
    pub coordinators: usize,
    /// Beam nodes, one for each live beam.
    pub beam_nodes: usize,
    /// Calls to the policy and the scorer that are in progress.
    pub calls: usize,
}

/// The numbers behind a [`Census`], shared by everything that counts itself.
#[derive(Debug, Default)]
pub(crate) struct Living {
    pub(crate) coordinators: Arc<AtomicUsize>,
    pub(crate) beam_nodes: Arc<AtomicUsize>,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Living {
    pub(crate) fn census(&self, searches: usize) -> Census {
        Census {
            searches,
            coordinators: self.coordinators.load(Ordering::Relaxed),
            beam_nodes: self.beam_nodes.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
        }
    }
}

/// Counts as one for as long as it lives, a panic included.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
