//! Telling the services that a search is over.

use std::time::Duration;

use tokio::time::timeout;
use toolbeam_proto::v1::ReleaseRequest;

use super::{PolicyClient, ScorerClient};

/// The longest time that telling may take; nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Frees what the services hold for a search when it is dropped, however the search
/// ended. Best effort: the services forget by themselves in the end.
#[derive(Debug)]
pub(crate) struct Release {
    /// The search.
    pub(crate) search_id: String,
    /// Where it was expanded.
    pub(crate) policy: PolicyClient,
    /// Where it was scored.
    pub(crate) scorer: ScorerClient,
}

impl Drop for Release {
    fn drop(&mut self) {
        // Without a runtime the process is going down and there is nobody to tell.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (mut policy, mut scorer) = (self.policy.clone(), self.scorer.clone());
        let message = ReleaseRequest { search_id: std::mem::take(&mut self.search_id) };
        runtime.spawn(async move {
            let both =
                futures::future::join(policy.release(message.clone()), scorer.release(message.clone()));
            match timeout(PATIENCE, both).await {
                Ok((Ok(_), Ok(_))) => {}
                Ok(_) | Err(_) => {
                    tracing::debug!(search_id = message.search_id, "a service was not released");
                }
            }
        });
    }
}
