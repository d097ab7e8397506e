//! Tools in another order.

use crate::draws::Draws;
use crate::suite::Record;

/// A record with its tools in any order alike.
pub(super) fn shuffle_tools(mut record: Record, seed: u64) -> Record {
    Draws::of(seed, &["shuffle-tools", &record.id]).shuffle(&mut record.tools);
    record
}
