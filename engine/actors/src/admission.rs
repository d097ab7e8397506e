//! A search that has its id and its place, and no actors yet.

use crate::registry::{Registration, SearchId};

/// The right to begin a search. Whoever has it can be cancelled by the search's id already; dropping
/// it gives the id and the place back.
#[derive(Debug)]
pub struct Admission(pub(crate) Registration);

impl Admission {
    /// The search.
    pub fn id(&self) -> &SearchId {
        self.0.id()
    }

    /// Ready when the search is cancelled.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.cancel().clone().cancelled_owned()
    }
}
