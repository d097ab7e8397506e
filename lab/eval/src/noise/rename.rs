//! Parameters under random names, in tools and right answers alike.

use std::sync::Arc;

use crate::renaming::Renaming;
use crate::suite::Record;

/// A record whose tools' parameters have random names. Those of a tool whose schema has them in places that
/// are not known (references, dependencies) stay.
pub(super) fn rename(record: Record, seed: u64) -> Record {
    let renaming = Arc::new(Renaming::of_parameters(seed, &record.id, &record.tools));
    Record {
        messages: record.messages.iter().map(|message| renaming.message(message)).collect(),
        tools: record.tools.iter().map(|tool| renaming.tool(tool)).collect(),
        gold: record.gold.renamed(renaming),
        ..record
    }
}
