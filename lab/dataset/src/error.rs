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
    /// A folder without a single part.
    #[error("{} holds no part-<number>.jsonl.gz; give a folder that a dataset command wrote", path.display())]
    NoPart {
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
    /// A folder without a file of tools.
    #[error("{} holds neither a <name>.tools.json.gz nor a <name>.jsonl; give files of tools", path.display())]
    NoTools {
        /// The folder.
        path: PathBuf,
    },
    /// There is nothing to make queries for.
    #[error(
        "no function is left to make queries for; give other tools (--tools), or compose some (--composed)"
    )]
    NoFunction,
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
    /// A folder of parts that was not made to its end.
    #[error("{} has no manifest.json; run the command that makes it to its end", path.display())]
    Incomplete {
        /// The folder.
        path: PathBuf,
    },
    /// A folder holds what was made with other settings.
    #[error("{} is of other settings ({field} differs); give another folder, or the same settings", path.display())]
    OtherSettings {
        /// The file with the folder's settings.
        path: PathBuf,
        /// What differs.
        field: String,
    },
    /// Prompts share a query with an evaluation set.
    #[error(
        "{id}, the first of {number}, shares a query with an evaluation set; leave it out (--drop-shared)"
    )]
    Shared {
        /// The first prompt.
        id: String,
        /// How many there are.
        number: usize,
    },
    /// A right answer is none.
    #[error("{id}: the right answer: {reason}; mend the source")]
    Gold {
        /// The prompt.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy gives no answers.
    #[error("{id}: {reason}; see that the policy runs, and give the command again to go on")]
    Policy {
        /// The prompt that was asked.
        id: String,
        /// What went wrong, after all tries.
        reason: toolbeam_client::ClientError,
    },
    /// The policy is another one than at the beginning.
    #[error("the policy answers as {found}, and was {expected}; give another folder for another policy")]
    OtherPolicy {
        /// The fingerprint at the beginning.
        expected: String,
        /// The fingerprint now.
        found: String,
    },
    /// What is wanted is not what lies there.
    #[error("{} holds {found}, and {wanted} are wanted", path.display())]
    Kind {
        /// The folder.
        path: PathBuf,
        /// What lies there.
        found: &'static str,
        /// What should.
        wanted: &'static str,
    },
}
