//! Telling the services that a search is over.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use toolbeam_proto::v1::ReleaseRequest;

use super::{PolicyClient, ScorerClient, attempts, timed};
use crate::error::failure;

/// The longest time that telling may take; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Frees what the services hold for a search when it is dropped, however the search
/// ended. Best effort: the services forget by themselves in the end.
#[derive(Debug)]
pub(crate) struct Release {
    name: String,
    policy: PolicyClient,
    scorer: ScorerClient,
    runtime: Handle,
}

impl Release {
    /// For the search that the services know by `name`.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new(name: String, policy: PolicyClient, scorer: ScorerClient) -> Release {
        Release { name, policy, scorer, runtime: Handle::current() }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let (policy, scorer) = (self.policy.clone(), self.scorer.clone());
        let message = ReleaseRequest { search_id: std::mem::take(&mut self.name) };
        self.runtime.spawn(async move {
            let deadline = Some(Instant::now() + PATIENCE);
            let policy = attempts(deadline, async || {
                let reply = policy.clone().release(timed(message.clone(), deadline)).await;
                reply.map_err(|status| failure("policy", &status))
            });
            let scorer = attempts(deadline, async || {
                let reply = scorer.clone().release(timed(message.clone(), deadline)).await;
                reply.map_err(|status| failure("scorer", &status))
            });
            let (policy, scorer) = futures::future::join(policy, scorer).await;
            for error in [policy.err(), scorer.err()].into_iter().flatten() {
                tracing::debug!(search_id = message.search_id, %error, "a service was not released");
            }
        });
    }
}
