//! How a model writes answers.

use toolbeam_grammar::Layout;
use toolbeam_lm::{Head, ModelConfig, Profile, Tokenizer};

use crate::PolicyError;

/// The layout in which a model can be served as a policy. Where neither `toolbeam.json` nor a preset
/// names one, a JSON list.
///
/// # Errors
/// [`PolicyError::Head`] for a model that writes nothing; [`PolicyError::Profile`] for a layout that is
/// not known, or that the tokenizer cannot write.
pub fn answer_layout(
    config: &ModelConfig,
    profile: &Profile,
    tokenizer: &Tokenizer,
) -> Result<Layout, PolicyError> {
    if config.head == Head::Scalar {
        return Err(PolicyError::Head { architecture: config.architecture.clone() });
    }
    match profile.answer_layout.as_deref() {
        None | Some("json_list") => Ok(Layout::JsonList),
        Some("hermes") => check_tags(tokenizer).map(|()| Layout::Hermes),
        Some(other) => {
            let from = profile.preset.map(|preset| format!(" (preset {preset})")).unwrap_or_default();
            let message = format!("answer_layout is {other}{from}; supported are json_list and hermes");
            Err(PolicyError::Profile(message))
        }
    }
}

/// Refuses a tokenizer with which no block can be written: special tokens have no text.
fn check_tags(tokenizer: &Tokenizer) -> Result<(), PolicyError> {
    let special = |tag: &&str| tokenizer.special(tag).is_some();
    match ["<tool_call>", "</tool_call>", "<think>", "</think>"].iter().find(|tag| special(tag)) {
        None => Ok(()),
        Some(tag) => Err(PolicyError::Profile(format!(
            "answer_layout is hermes, but {tag} is a special token, which is no text; set its `special` \
             to false in tokenizer.json"
        ))),
    }
}
