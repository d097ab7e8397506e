//! Temperatures that make rewards probabilities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{RewardError, RewardKind};

/// Temperature scaling (Guo and others, 2017, arXiv 1706.04599): what the difference of two label logits is divided
/// by before it becomes a reward, p(+) = sigmoid((s+ - s-) / T). It is `reward.calibration` in `toolbeam.json`.
///
/// One temperature for all keeps the order of any two rewards. With temperatures of their own, rewards at
/// different markers may change their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The temperature of all markers that have none of their own.
    pub temperature: f64,
    /// Temperatures of their own, by the markers' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub markers: BTreeMap<String, f64>,
}

impl Calibration {
    /// Rewards as the model gives them.
    pub const NONE: Calibration = Calibration { temperature: 1.0, markers: BTreeMap::new() };

    /// The temperature at the marker of this name.
    pub fn at(&self, marker: &str) -> f64 {
        self.markers.get(marker).copied().unwrap_or(self.temperature)
    }

    /// Refuses temperatures that would make no rewards, and those of markers that a model has not.
    ///
    /// # Errors
    /// [`RewardError::Profile`] naming the key.
    pub(crate) fn check(&self, kind: RewardKind) -> Result<(), RewardError> {
        let named = self.markers.iter().map(|(name, value)| (format!("markers.{name}"), *value));
        for (key, value) in named.chain([("temperature".to_owned(), self.temperature)]) {
            let used = value as f32;
            if !used.is_finite() || used <= 0.0 {
                return Err(RewardError::Profile(format!(
                    "reward.calibration.{key} is {value}; a temperature is a finite number above 0"
                )));
            }
        }
        kind.check_markers("reward.calibration.markers", self.markers.keys())
    }
}
