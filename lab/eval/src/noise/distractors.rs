//! Tools of other records beside a record's own.

use std::collections::HashSet;

use toolbeam_client::v1;

use crate::draws::Draws;
use crate::suite::Record;

/// The tools of all records, each once: name, description and parameters.
pub(super) fn pool(records: &[Record]) -> Vec<v1::Tool> {
    let mut seen = HashSet::new();
    let mut pool = Vec::new();
    for tool in records.iter().flat_map(|record| &record.tools) {
        if seen.insert((&tool.name, &tool.description, &tool.parameters)) {
            pool.push(tool.clone());
        }
    }
    pool
}

/// A record with so many tools of the pool, at places that are drawn, too, between its own, which keep their
/// order. None has the name of a tool that is there; if the pool has fewer of those, all are added.
pub(super) fn add_distractors(mut record: Record, pool: &[v1::Tool], count: usize, seed: u64) -> Record {
    let mut draws = Draws::of(seed, &["distractors", &record.id]);
    let mut names: HashSet<String> = record.tools.iter().map(|tool| tool.name.clone()).collect();
    let mut left: Vec<&v1::Tool> = pool.iter().collect();
    let mut missing = count;
    while missing > 0 && !left.is_empty() {
        let drawn = left.swap_remove(draws.below(left.len()));
        if names.insert(drawn.name.clone()) {
            record.tools.insert(draws.below(record.tools.len() + 1), drawn.clone());
            missing -= 1;
        }
    }
    record
}
