//! The same questions asked less kindly: how much of an accuracy hangs on the order of tools, on few tools, on
//! names and on descriptions (the robustness of ToolRM, arXiv 2509.11963).
//!
//! Noise is a function of the seed, the record's id and, for distractors, the set's tools: neither shards nor
//! the number of records that are asked change it.

mod distractors;
mod rename;
mod shuffle_tools;
mod truncate;

use serde::{Deserialize, Serialize};

use crate::suite::Record;

/// A way to make records harder without changing what is right. Listed in the order in which they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Tools of other records of the set are added at drawn places, none with the name of one that is there.
    /// That one of them would do what is asked as well is possible, and counted against the answer.
    Distractors,
    /// Parameters have random names, in tools, in calls of the conversation and in the right calls. Names
    /// inside values stay, and those of tools whose schema has references or dependencies between parameters.
    Rename,
    /// Every description, of tools and in their parameters, ends after the first half of its words.
    Truncate,
    /// Tools stand in another order.
    ShuffleTools,
}

/// Which noise, and what it is drawn by: a part of what a run is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseSettings {
    /// The kinds, each once, in the order in which they apply.
    pub kinds: Vec<Noise>,
    /// What every record's noise is drawn by, with its id.
    pub seed: u64,
    /// Number of distractors; 0 unless they are among the kinds.
    pub distractors: usize,
}

impl Noise {
    /// Its name, as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Noise::Distractors => "distractors",
            Noise::Rename => "rename",
            Noise::Truncate => "truncate",
            Noise::ShuffleTools => "shuffle-tools",
        }
    }
}

impl NoiseSettings {
    /// These kinds, in whichever order they are given.
    pub fn new(kinds: &[Noise], seed: u64, distractors: usize) -> NoiseSettings {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let distractors = if kinds.contains(&Noise::Distractors) { distractors } else { 0 };
        NoiseSettings { kinds, seed, distractors }
    }

    /// Whether parameters have other names than in the set.
    pub fn renames(&self) -> bool {
        self.kinds.contains(&Noise::Rename)
    }

    /// The records of a set with this noise, in their order. Give the whole set, whose tools distractors are
    /// taken from.
    pub fn apply(&self, records: &[Record]) -> Vec<Record> {
        let pool = match self.distractors {
            0 => Vec::new(),
            _ => distractors::pool(records),
        };
        let noisy = |record: &Record| {
            self.kinds.iter().fold(record.clone(), |record, kind| match kind {
                Noise::Distractors => {
                    distractors::add_distractors(record, &pool, self.distractors, self.seed)
                }
                Noise::Rename => rename::rename(record, self.seed),
                Noise::Truncate => truncate::truncate(record),
                Noise::ShuffleTools => shuffle_tools::shuffle_tools(record, self.seed),
            })
        };
        records.iter().map(noisy).collect()
    }

    /// The kinds in a few words, such as `distractors=3+rename`.
    pub fn label(&self) -> String {
        let named = |kind: &Noise| match kind {
            Noise::Distractors => format!("{}={}", kind.name(), self.distractors),
            kind => kind.name().to_owned(),
        };
        self.kinds.iter().map(named).collect::<Vec<_>>().join("+")
    }
}
