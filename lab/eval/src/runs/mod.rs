//! Runs that survive: every record of a set is searched once, and its outcome kept in the run's folder as
//! soon as it is there. A run that was killed goes on where it was.

mod export;
mod folder;
mod outcome;
mod settings;
mod tally;

use std::num::NonZeroUsize;
use std::time::Instant;

use futures::{StreamExt, stream};
use toolbeam_client::{Client, v1};

use crate::error::EvalError;
use crate::suite::Record;

pub use export::{export_bfcl, export_predictions};
pub use folder::{RunFolder, Shard, read_run};
pub use outcome::{Outcome, OutcomeCall};
pub use settings::{ModelName, RunSettings, SearchSettings};
pub(crate) use tally::interval;
pub use tally::{Category, Tally};

/// Searches the records of a shard that have no outcome yet, `concurrency` at a time. `template` is the
/// request but for the prompt and the seed, which is made of the template's and the record's id.
/// `on_outcome` is called once for each record, after its outcome was kept.
///
/// # Errors
/// An outcome cannot be written. A search that fails is an outcome.
pub async fn go_on(
    folder: &mut RunFolder,
    client: &Client,
    (records, shard): (&[Record], Shard),
    template: &v1::SearchRequest,
    concurrency: NonZeroUsize,
    mut on_outcome: impl FnMut(&Outcome),
) -> Result<(), EvalError> {
    let mine = records.iter().enumerate().filter(|(place, _)| shard.holds(*place));
    let missing: Vec<&Record> =
        mine.map(|(_, record)| record).filter(|record| !folder.has(&record.id)).collect();
    let searches = missing.into_iter().map(async |record| {
        let request = v1::SearchRequest { seed: seed(template.seed, &record.id), ..record.request(template) };
        let began = Instant::now();
        let reply = client.search(request).await.map_err(|error| error.to_string());
        Outcome::of(record, reply, began.elapsed().as_secs_f64() * 1e3)
    });
    let mut searches = stream::iter(searches).buffer_unordered(concurrency.get());
    while let Some(outcome) = searches.next().await {
        folder.append(&outcome)?;
        on_outcome(&outcome);
    }
    Ok(())
}

/// A seed of its own for every record.
fn seed(seed: u64, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(id.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
