//! Which searches are running, and how many may.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio_util::sync::CancellationToken;

use crate::error::EngineError;

/// How long a search is taken to last before any has ended.
const FIRST_GUESS: Duration = Duration::from_secs(1);

/// Delays that a refused caller is told stay between these.
const DELAYS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

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

/// What happened to searches since the engine started. `admitted` is the sum of the others and of
/// those that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Searches that were admitted.
    pub admitted: u64,
    /// Searches that were given up before they began.
    pub withdrawn: u64,
    /// Searches that ended with an outcome.
    pub ended: u64,
    /// Searches whose actors were lost.
    pub lost: u64,
}

/// Running searches by id, shared by the engine and the guards.
#[derive(Debug)]
pub(crate) struct Registry {
    running: DashMap<SearchId, CancellationToken>,
    /// Counted apart from `running`, so that the bound holds exactly whoever enters at the same time.
    taken: AtomicUsize,
    max_searches: usize,
    admitted: AtomicU64,
    withdrawn: AtomicU64,
    ended: AtomicU64,
    lost: AtomicU64,
    /// Microseconds that a search keeps its place, a moving average.
    kept: AtomicU64,
}

impl Registry {
    pub(crate) fn new(max_searches: usize) -> Arc<Registry> {
        Arc::new(Registry {
            running: DashMap::new(),
            taken: AtomicUsize::new(0),
            max_searches,
            admitted: AtomicU64::new(0),
            withdrawn: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            kept: AtomicU64::new(FIRST_GUESS.as_micros() as u64),
        })
    }

    /// Enters a search. It stays until the registration is dropped, whoever drops it.
    pub(crate) fn enter(self: &Arc<Registry>, id: SearchId) -> Result<Registration, EngineError> {
        let one_more = |taken: usize| (taken < self.max_searches).then_some(taken + 1);
        if self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            let retry_after = self.retry_after();
            return Err(EngineError::Full { max_searches: self.max_searches, retry_after });
        }
        let cancel = CancellationToken::new();
        match self.running.entry(id.clone()) {
            Entry::Occupied(_) => {
                self.taken.fetch_sub(1, Ordering::Relaxed);
                return Err(EngineError::DuplicateId(id));
            }
            Entry::Vacant(vacant) => drop(vacant.insert(cancel.clone())),
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        let (registry, entered) = (Arc::clone(self), Instant::now());
        Ok(Registration { registry, id, cancel, entered, fate: Fate::Withdrawn })
    }

    /// Cancels a search; false if none of this id is running.
    pub(crate) fn cancel(&self, id: &SearchId) -> bool {
        self.running.get(id).inspect(|cancel| cancel.cancel()).is_some()
    }

    /// Cancels every search.
    pub(crate) fn cancel_all(&self) {
        self.running.iter().for_each(|search| search.value().cancel());
    }

    pub(crate) fn live(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            admitted: self.admitted.load(Ordering::Relaxed),
            withdrawn: self.withdrawn.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    /// After how long a place is likely to be free: what searches took lately.
    fn retry_after(&self) -> Duration {
        Duration::from_micros(self.kept.load(Ordering::Relaxed)).clamp(DELAYS.0, DELAYS.1)
    }

    fn leave(&self, id: &SearchId, kept: Duration) {
        self.running.remove(id);
        self.taken.fetch_sub(1, Ordering::Relaxed);
        // Two that leave at once may count as one, which an average can bear.
        let average = self.kept.load(Ordering::Relaxed);
        let average = (7 * average + kept.as_micros() as u64) / 8;
        self.kept.store(average, Ordering::Relaxed);
    }
}

/// What became of a search, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Withdrawn,
    Begun,
    Ended,
}

/// A search's place in the registry. Dropping it clears the place; actix does not recover an actor
/// that panics, but drops it, and this with it.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    id: SearchId,
    cancel: CancellationToken,
    entered: Instant,
    fate: Fate,
}

impl Registration {
    pub(crate) fn id(&self) -> &SearchId {
        &self.id
    }

    /// Is cancelled when nobody wants the search's answer any more.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The search has actors.
    pub(crate) fn begin(&mut self) {
        self.fate = Fate::Begun;
    }

    /// The search has an outcome.
    pub(crate) fn end(mut self) {
        self.fate = Fate::Ended;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.leave(&self.id, self.entered.elapsed());
        let counter = match self.fate {
            Fate::Withdrawn => &self.registry.withdrawn,
            Fate::Begun => &self.registry.lost,
            Fate::Ended => &self.registry.ended,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if self.fate == Fate::Begun {
            tracing::error!(search = %self.id, "search lost");
        }
    }
}
