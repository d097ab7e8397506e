//! How a model writes answers.

use toolbeam_grammar::Layout;
use toolbeam_lm::{Head, ModelConfig, Profile};

use crate::PolicyError;

/// The layout in which a model can be served as a policy. Where neither `toolbeam.json` nor a preset
/// names one, a JSON list.
///
/// # Errors
/// [`PolicyError::Head`] for a model that writes nothing; [`PolicyError::Profile`] for a layout that is
/// not known.
pub fn answer_layout(config: &ModelConfig, profile: &Profile) -> Result<Layout, PolicyError> {
    if config.head == Head::Scalar {
        return Err(PolicyError::Head { architecture: config.architecture.clone() });
    }
    match profile.answer_layout.as_deref() {
        None | Some("json_list") => Ok(Layout::JsonList),
        Some(other) => {
            let from = profile.preset.map(|preset| format!(" (preset {preset})")).unwrap_or_default();
            let message = format!("answer_layout is {other}{from}; supported is json_list");
            Err(PolicyError::Profile(message))
        }
    }
}
