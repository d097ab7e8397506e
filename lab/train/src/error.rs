//! What can go wrong in training, typed.

use std::path::PathBuf;

use toolbeam_dataset::DatasetError;
use toolbeam_lm::LmError;
use toolbeam_reward::RewardError;

/// Why a model cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting that makes no sense.
    #[error("--{setting}: {message}")]
    Setting {
        /// The flag, without its dashes.
        setting: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// A run is gone on with that was begun otherwise.
    #[error(
        "{} is a run with other settings: {field} is {stored} there and {given} here; give the same, or another --run",
        path.display()
    )]
    OtherRun {
        /// The run's folder.
        path: PathBuf,
        /// The setting.
        field: String,
        /// What the run has.
        stored: String,
        /// What was asked for.
        given: String,
    },
    /// A record of a training set that cannot be used.
    #[error("record {id}: {message}")]
    Record {
        /// The record's id.
        id: String,
        /// What is wrong and what is expected.
        message: String,
    },
    /// A training set of which nothing is left.
    #[error("{} gives nothing to train on: {message}", path.display())]
    NoRecord {
        /// The folder.
        path: PathBuf,
        /// What became of its records.
        message: String,
    },
    /// A file of a run cannot be read.
    #[error("cannot read {}: {message}; the run cannot go on with it, begin another --run", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {message}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A loss that is no number.
    #[error("the loss is {loss} at step {step}; lower the learning rate, or begin from other weights")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// The model's folder, or libtorch.
    #[error(transparent)]
    Model(#[from] LmError),
    /// The reward model's tokens, or an answer's calls.
    #[error(transparent)]
    Reward(#[from] RewardError),
    /// The training set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// libtorch.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl TrainError {
    /// The error of a model without label tokens.
    pub(crate) fn no_labels() -> TrainError {
        let message = "the model has no label tokens; name them under reward.labels in toolbeam.json";
        TrainError::Setting { setting: "model", message: message.to_owned() }
    }

    /// An error of writing `path`.
    pub(crate) fn write(path: impl Into<PathBuf>, message: impl ToString) -> TrainError {
        TrainError::Write { path: path.into(), message: message.to_string() }
    }

    /// An error of reading `path`.
    pub(crate) fn read(path: impl Into<PathBuf>, message: impl ToString) -> TrainError {
        TrainError::Read { path: path.into(), message: message.to_string() }
    }
}
