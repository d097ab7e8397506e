//! What can go wrong, typed.

use std::path::PathBuf;

/// Why records cannot be read, split or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A folder without a single set.
    #[error("{} holds no <name>.jsonl.gz; give the folder of the sets", path.display())]
    NoSet {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what the format says.
    #[error("{} line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it, and what is expected.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Where something is to be written, something lies.
    #[error("{} is there already; give another folder, or remove it", path.display())]
    Exists {
        /// What lies there.
        path: PathBuf,
    },
    /// There are not as many validation prompts as wanted.
    #[error(
        "{found} validation prompts, {wanted} are wanted; add sets, or allow more per function (--per-function)"
    )]
    TooFew {
        /// Prompts found.
        found: usize,
        /// Prompts wanted.
        wanted: usize,
    },
}
