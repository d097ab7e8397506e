//! What can go wrong, typed.

use std::path::PathBuf;

/// Why an evaluation set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file of the set is not there.
    #[error("{} is not there; give the folder that holds the set's files, or its parent", path.display())]
    Missing {
        /// Where the file was looked for last.
        path: PathBuf,
    },
    /// A file of the set cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the set is not what the format says.
    #[error("{} line {line}: {reason}; use the file as it is published", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A category of BFCL that is not checked here.
    #[error("BFCL's category {name} is not checked; give one of its single-turn Python categories")]
    Category {
        /// The category.
        name: String,
    },
    /// A file without a single record.
    #[error("{} holds no record; use the file as it is published", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file of a run cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process goes on with the same shard of a run.
    #[error("{} is in use by another process; wait for it, or give another shard", path.display())]
    InUse {
        /// The shard's results.
        path: PathBuf,
    },
    /// The folder is of a run with other settings.
    #[error("{} is of a run with another `{field}`; give another folder, or the settings written there", path.display())]
    OtherRun {
        /// The run's settings.
        path: PathBuf,
        /// What differs.
        field: String,
    },
    /// The folder is none of a run.
    #[error("{} is not there; give a run's folder", path.display())]
    NoRun {
        /// What a run's folder has.
        path: PathBuf,
    },
    /// A record says only how answers are judged, not which calls are right.
    #[error("{id} names no right calls to compare with; give a run of a set that does")]
    NoLabel {
        /// The record.
        id: String,
    },
    /// A prompt has fewer sampled answers than are to be drawn.
    #[error("{id} has {found} samples, {wanted} are to be drawn; give smaller sizes, or sample more")]
    Samples {
        /// The prompt.
        id: String,
        /// Samples found.
        found: usize,
        /// Samples wanted.
        wanted: usize,
    },
}
