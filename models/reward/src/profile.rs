//! The part of `toolbeam.json` that concerns a reward model.

use std::collections::BTreeMap;

use serde::Deserialize;
use toolbeam_grammar::Marker;
use toolbeam_lm::{ModelConfig, ModelFiles};

use crate::{Calibration, RewardError, RewardKind};

/// What a folder says of its reward model beyond Hugging Face's files.
#[derive(Clone, Debug, Deserialize, Default)]
pub(crate) struct Profile {
    #[serde(default)]
    pub(crate) reward: RewardProfile,
    input: Option<String>,
    label_context: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct RewardProfile {
    kind: Option<RewardKind>,
    #[serde(default)]
    markers: BTreeMap<String, String>,
    #[serde(default)]
    labels: Labels,
    calibration: Option<Calibration>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Labels {
    pub(crate) positive: String,
    pub(crate) negative: String,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels { positive: "+".into(), negative: "-".into() }
    }
}

impl Profile {
    /// Reads `toolbeam.json`; without one everything is as in the paper.
    pub(crate) fn read(files: &ModelFiles) -> Result<Profile, RewardError> {
        let Some(bytes) = files.read_optional("toolbeam.json")? else {
            return Ok(Profile::default());
        };
        let profile: Profile =
            serde_json::from_slice(&bytes).map_err(|error| RewardError::Profile(error.to_string()))?;
        profile.check()?;
        Ok(profile)
    }

    /// Refuses ways of reading that are not served: rewards from another input would be wrong in silence.
    fn check(&self) -> Result<(), RewardError> {
        if let Some(input) = self.input.as_deref().filter(|input| *input != "canonical") {
            return Err(RewardError::Profile(format!("input is {input}; supported is canonical")));
        }
        if let Some(context) = self.label_context.as_deref().filter(|context| *context != "none") {
            return Err(RewardError::Profile(format!("label_context is {context}; supported is none")));
        }
        Ok(())
    }
}

impl RewardProfile {
    /// The token of a marker: the folder's own, or the marker's name.
    pub(crate) fn marker_token(&self, marker: Marker) -> &str {
        self.markers.get(marker.token()).map_or(marker.token(), String::as_str)
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What the model judges, which its head must be able to.
    pub(crate) fn kind(&self, config: &ModelConfig) -> Result<RewardKind, RewardError> {
        let kind = self.kind.unwrap_or(RewardKind::of_head(config.head));
        if kind.head() != config.head {
            return Err(RewardError::Profile(format!(
                "reward.kind is {}, but {} in config.json is another kind of model; toolrm goes with \
                 ...ForSequenceClassification, the others with ...ForCausalLM",
                kind.name(),
                config.architecture
            )));
        }
        kind.check_markers("reward.markers", self.markers.keys())?;
        Ok(kind)
    }

    /// What a model of this kind divides its logits by.
    pub(crate) fn calibration(&self, kind: RewardKind) -> Result<Calibration, RewardError> {
        let calibration = self.calibration.clone().unwrap_or(Calibration::NONE);
        calibration.check(kind)?;
        Ok(calibration)
    }
}
