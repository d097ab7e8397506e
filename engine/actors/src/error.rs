//! What goes wrong with an engine, as opposed to a port.

use std::time::Duration;

use toolbeam_search::SettingsError;

use crate::registry::SearchId;

/// Why a search could not begin, or left no outcome.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The settings cannot be used.
    #[error("settings: {0}")]
    Settings(#[from] SettingsError),
    /// The id names a running search.
    #[error("search_id: {0} is the id of a running search; choose another")]
    DuplicateId(SearchId),
    /// As many searches run as may.
    #[error("{max_searches} searches are running, which is the limit; try again later")]
    Full {
        /// The limit.
        max_searches: usize,
        /// What searches took lately, after which a place is likely to be free.
        retry_after: Duration,
    },
    /// The search's actors are gone without an outcome: a defect, or the engine has stopped.
    #[error("search {0} was lost; try again")]
    Lost(SearchId),
    /// The engine could not start.
    #[error("cannot start the actor system: {0}")]
    Start(String),
}
