//! What can go wrong in the runtime.

use std::path::PathBuf;
use std::time::Duration;

/// An error of the libtorch runtime. Every variant names the file, field or flag at fault.
#[derive(Debug, thiserror::Error)]
pub enum LmError {
    /// A file of the model folder could not be read.
    #[error("cannot read {path}: {source}; check that the model folder is complete")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file of the model folder has content that cannot be used.
    #[error("{file}: {message}")]
    ModelFile {
        /// The file's name in the model folder.
        file: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// The chat template could not be rendered for these messages and tools.
    #[error("the chat template refused the prompt: {0}")]
    Template(String),
    /// The tokenizer could not encode a text.
    #[error("the tokenizer refused the text: {0}")]
    Tokenizer(String),
    /// A prompt, or a prompt with its answer, does not fit the context.
    #[error("{field} has {tokens} tokens, but the model's context holds {limit}; shorten it")]
    TooLong {
        /// What is too long.
        field: &'static str,
        /// Its length.
        tokens: usize,
        /// The longest that fits.
        limit: usize,
    },
    /// A token id does not exist in the vocabulary.
    #[error("{field} holds token id {id}, but the vocabulary has {vocab_size} rows")]
    TokenOutOfRange {
        /// Where the token id was given.
        field: &'static str,
        /// The id.
        id: u32,
        /// Number of rows of the vocabulary matrix.
        vocab_size: usize,
    },
    /// A request alone needs more keys and values than the runtime may hold.
    #[error("the request needs {needed} KV bytes and the bound is {bound}; raise --kv-bytes or ask for less")]
    KvBound {
        /// Bytes that the request may need.
        needed: u64,
        /// The bound.
        bound: u64,
    },
    /// The model has as many requests as it takes, those that wait included.
    #[error("the model has as many requests as it takes; try again later")]
    QueueFull {
        /// What requests took lately, after which a place is likely to be free.
        retry_after: Duration,
    },
    /// libtorch reported an error.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The batch that held this request panicked. Other requests go on.
    #[error("the batch failed: {0}")]
    BatchFailed(String),
    /// The runtime's thread has ended.
    #[error("the runtime has stopped")]
    Stopped,
}

impl LmError {
    /// An error about the content of `file`.
    pub(crate) fn file(file: impl Into<String>, message: impl ToString) -> LmError {
        LmError::ModelFile { file: file.into(), message: message.to_string() }
    }
}
