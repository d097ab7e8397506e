//! What the actors of one search share: the way to the ports.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use toolbeam_search::Failure;

use crate::census::{Counted, Living};
use crate::port::{PolicyPort, ScorerPort};
use crate::registry::SearchId;

/// What every actor of a search can reach.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) id: SearchId,
    pub(crate) policy: Arc<dyn PolicyPort>,
    pub(crate) scorer: Arc<dyn ScorerPort>,
    pub(crate) deadline: Option<Instant>,
    /// Where the ports' futures run.
    pub(crate) runtime: Handle,
    /// Counts what the search holds.
    pub(crate) living: Arc<Living>,
}

impl Reach {
    /// Runs a port's future on the runtime; a panic in it becomes a failure. Dropping the result
    /// drops the port's future.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> BoxFuture<'static, Result<T, Failure>>,
    ) -> impl Future<Output = Result<T, Failure>> + 'static {
        let future = {
            let _inside = self.runtime.enter();
            call()
        };
        let counted = Counted::new(&self.living.calls);
        let task = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let _counted = counted;
            future.await
        }));
        async move {
            match task.await {
                Ok(reply) => reply,
                Err(lost) if lost.is_panic() => Err(Failure::Internal("a port panicked".into())),
                Err(_) => Err(Failure::Unavailable("the runtime is shutting down".into())),
            }
        }
    }
}
