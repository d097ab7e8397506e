//! What can go wrong when judging answers.

use toolbeam_lm::LmError;

/// An error of a reward model.
#[derive(Debug, thiserror::Error)]
pub enum RewardError {
    /// `toolbeam.json` cannot be used.
    #[error("toolbeam.json: {0}")]
    Profile(String),
    /// The tokenizer lacks a marker token.
    #[error(
        "tokenizer.json has no special token {token}; a reward model needs one for every marker, \
             name others under reward.markers in toolbeam.json"
    )]
    NoMarker {
        /// The marker's token.
        token: String,
    },
    /// A label is not one token.
    #[error(
        "the label {label:?} is not a single token of tokenizer.json; name others under reward.labels \
             in toolbeam.json"
    )]
    NoLabel {
        /// The label.
        label: String,
    },
    /// A call's arguments are no JSON object.
    #[error("the arguments of {name}: {reason}; give a JSON object")]
    Call {
        /// The function's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A layout of answers that is not known.
    #[error("answer_layout is {0}; supported are json_list and hermes")]
    Layout(String),
    /// The runtime's error.
    #[error(transparent)]
    Model(#[from] LmError),
}
