//! The caller's end of a search.

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use toolbeam_search::{Note, Outcome};

use crate::error::EngineError;
use crate::registry::SearchId;

/// How a search ended, and what its watcher has not been told yet.
#[derive(Debug)]
pub struct Ending {
    /// The outcome.
    pub outcome: Outcome,
    /// The notes that follow those of [`SearchHandle::notes`], in order. Only a watcher that was
    /// slow when time ran out has any.
    pub unread: Vec<Note>,
}

/// A running search. Dropping it cancels the search and frees what it holds.
#[derive(Debug)]
pub struct SearchHandle {
    /// The search.
    pub id: SearchId,
    /// What happens meanwhile; ends when the search does. `None` unless the search is watched. A
    /// search waits for whoever does not read, until it is pressed for time.
    pub notes: Option<mpsc::Receiver<Note>>,
    pub(crate) ending: oneshot::Receiver<Ending>,
    pub(crate) _cancel: DropGuard,
}

impl SearchHandle {
    /// Waits for the end. Cancel-safe; gives it once.
    ///
    /// # Errors
    /// [`EngineError::Lost`] if the search's actors are gone without an outcome.
    pub async fn ending(&mut self) -> Result<Ending, EngineError> {
        (&mut self.ending).await.map_err(|_| EngineError::Lost(self.id.clone()))
    }
}
