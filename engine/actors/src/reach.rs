//! What the actors of one search share: the way to the ports.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, Either};
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
    /// Runs a port's future: at once as far as it goes without waiting, then on the runtime, so that a port
    /// that need not wait costs no change of threads. A panic in it becomes a failure. Dropping the result drops
    /// the port's future.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> BoxFuture<'static, Result<T, Failure>>,
    ) -> impl Future<Output = Result<T, Failure>> + 'static {
        let counted = Counted::new(&self.living.calls);
        let (future, first) = {
            let _inside = self.runtime.enter();
            let mut future = Box::pin(AssertUnwindSafe(call()).catch_unwind());
            // Whoever waits for it polls it again.
            let first = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            (future, first)
        };
        let reply = match first {
            Poll::Ready(reply) => Either::Left(reply),
            Poll::Pending => Either::Right(AbortOnDropHandle::new(self.runtime.spawn(async move {
                let _counted = counted;
                future.await
            }))),
        };
        async move {
            let caught = match reply {
                Either::Left(reply) => reply,
                Either::Right(task) => match task.await {
                    Ok(reply) => reply,
                    Err(_) => return Err(Failure::Unavailable("the runtime is shutting down".into())),
                },
            };
            caught.unwrap_or_else(|_| Err(Failure::Internal("a port panicked".into())))
        }
    }
}
