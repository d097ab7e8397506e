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
}
