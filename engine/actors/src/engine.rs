//! The actix system on its own thread, and the way in.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use toolbeam_search::{Settings, strategy};

use crate::admission::Admission;
use crate::census::{Census, Living};
use crate::coordinator::{Coordinator, Plan};
use crate::error::EngineError;
use crate::handle::SearchHandle;
use crate::port::{PolicyPort, ScorerPort};
use crate::reach::Reach;
use crate::registry::{Counters, Registry, SearchId};
use crate::watcher::Watcher;

/// How an engine is built.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Threads that run searches. Each search stays on one.
    pub arbiters: NonZeroUsize,
    /// Searches that may run at once; more are refused with [`EngineError::Full`].
    pub max_searches: usize,
    /// Notes that wait for a watcher; when there are so many, the search waits as well.
    pub note_capacity: NonZeroUsize,
}

/// One search.
pub struct SearchSpec {
    /// How to search.
    pub settings: Settings,
    /// Who proposes.
    pub policy: Arc<dyn PolicyPort>,
    /// Who judges.
    pub scorer: Arc<dyn ScorerPort>,
    /// When the search must have ended; `None` leaves that to its limits.
    pub deadline: Option<Instant>,
    /// How long before the deadline branching stops, for finishing the best beam.
    pub reserve: Duration,
    /// Whether somebody reads [`SearchHandle::notes`].
    pub watched: bool,
}

/// Runs searches. Dropping it ends those that still run, whose callers get [`EngineError::Lost`],
/// and waits for the actor system's thread.
#[derive(Debug)]
pub struct SearchEngine {
    registry: Arc<Registry>,
    runtime: Handle,
    living: Arc<Living>,
    note_capacity: usize,
    arbiters: Vec<ArbiterHandle>,
    next_arbiter: AtomicUsize,
    system: System,
    thread: Option<JoinHandle<()>>,
}

impl SearchEngine {
    /// Starts the actor system; `runtime` runs the ports' futures.
    ///
    /// # Errors
    /// [`EngineError::Start`] if a thread cannot be had.
    pub fn start(config: EngineConfig, runtime: Handle) -> Result<SearchEngine, EngineError> {
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let arbiters = config.arbiters.get();
        let thread = std::thread::Builder::new()
            .name("toolbeam-actors".into())
            .spawn(move || {
                let runner = System::new();
                let handles = runner.block_on(async move {
                    (0..arbiters).map(|_| Arbiter::new().handle()).collect::<Vec<_>>()
                });
                // Whoever waits for it is gone only if the engine was given up.
                if ready.send((System::current(), handles)).is_err() {
                    return;
                }
                if let Err(error) = runner.run() {
                    tracing::error!(%error, "actor system failed");
                }
            })
            .map_err(|error| EngineError::Start(error.to_string()))?;
        let (system, arbiters) =
            started.recv().map_err(|_| EngineError::Start("its thread ended at once".into()))?;
        Ok(SearchEngine {
            registry: Registry::new(config.max_searches),
            runtime,
            living: Arc::default(),
            note_capacity: config.note_capacity.get(),
            arbiters,
            next_arbiter: AtomicUsize::new(0),
            system,
            thread: Some(thread),
        })
    }

    /// Gives a search its id and a place.
    ///
    /// # Errors
    /// If the id is that of a running search, or too many run.
    pub fn admit(&self, id: SearchId) -> Result<Admission, EngineError> {
        self.registry.enter(id).map(Admission)
    }

    /// Begins a search.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn search(&self, admission: Admission, spec: SearchSpec) -> Result<SearchHandle, EngineError> {
        let strategy = strategy(spec.settings)?;
        let Admission(mut registration) = admission;
        registration.begin();
        let (id, cancel) = (registration.id().clone(), registration.cancel().clone());
        let (told, notes) = spec.watched.then(|| mpsc::channel(self.note_capacity)).unzip();
        let (ending, awaited) = oneshot::channel();
        let plan = Plan {
            strategy,
            reach: Reach {
                id: id.clone(),
                policy: spec.policy,
                scorer: spec.scorer,
                deadline: spec.deadline,
                runtime: self.runtime.clone(),
                living: Arc::clone(&self.living),
            },
            reserve: spec.reserve,
            registration,
            watcher: Watcher::new(told),
            ending,
        };
        let turn = self.next_arbiter.fetch_add(1, Ordering::Relaxed);
        // Never empty: the configuration asks for at least one.
        let arbiter = &self.arbiters[turn % self.arbiters.len()];
        Coordinator::start_in_arbiter(arbiter, |_| Coordinator::new(plan));
        Ok(SearchHandle { id, notes, ending: awaited, _cancel: cancel.drop_guard() })
    }

    /// Cancels a search; false if none of this id is running.
    pub fn cancel(&self, id: &SearchId) -> bool {
        self.registry.cancel(id)
    }

    /// Cancels every search.
    pub fn cancel_all(&self) {
        self.registry.cancel_all();
    }

    /// What is alive at the moment.
    pub fn census(&self) -> Census {
        self.living.census(self.registry.live())
    }

    /// How many searches are running.
    pub fn live(&self) -> usize {
        self.registry.live()
    }

    /// What happened to searches so far.
    pub fn counters(&self) -> Counters {
        self.registry.counters()
    }
}

impl Drop for SearchEngine {
    fn drop(&mut self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        self.system.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the actor system's thread panicked");
        }
    }
}
