//! The caller's end of a search.

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use toolbeam_search::{Note, Outcome};

use crate::error::EngineError;
use crate::registry::SearchId;

/// Something that happened in a search.
#[derive(Debug, Clone)]
pub struct SearchEvent {
    /// Counted from 1. A gap means that the watcher was too slow: a search waits for nobody.
    pub sequence: u64,
    /// What happened.
    pub note: Note,
}

/// A running search. Dropping it cancels the search and frees what it holds.
#[derive(Debug)]
pub struct SearchHandle {
    /// The search.
    pub id: SearchId,
    /// What happens meanwhile; ends when the search does. Need not be read.
    pub events: mpsc::Receiver<SearchEvent>,
    pub(crate) outcome: oneshot::Receiver<Outcome>,
    pub(crate) _cancel: DropGuard,
}

impl SearchHandle {
    /// Waits for the end. Cancel-safe; gives the outcome once.
    ///
    /// # Errors
    /// [`EngineError::Lost`] if the search's actors are gone without an outcome.
    pub async fn outcome(&mut self) -> Result<Outcome, EngineError> {
        (&mut self.outcome).await.map_err(|_| EngineError::Lost(self.id.clone()))
    }
}
