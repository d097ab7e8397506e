//! Granularities of reward models.

use serde::{Deserialize, Serialize};
use toolbeam_grammar::Marker;
use toolbeam_lm::Head;

use crate::RewardError;

/// What a reward model judges (paper, section 4.1; ToolRM: arXiv 2509.11963).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum RewardKind {
    /// Every step.
    #[serde(rename = "toolprm")]
    ToolPrm,
    /// Every call, and the whole answer.
    #[serde(rename = "c_prm")]
    CPrm,
    /// The whole answer.
    #[serde(rename = "orm")]
    Orm,
    /// The whole answer, by the number of a scalar head.
    #[serde(rename = "toolrm")]
    ToolRm,
}

impl RewardKind {
    /// The markers at which there are rewards.
    pub fn markers(self) -> &'static [Marker] {
        match self {
            RewardKind::ToolPrm => &Marker::ALL,
            RewardKind::CPrm => &[Marker::FuncFinish, Marker::TotalFinish],
            RewardKind::Orm | RewardKind::ToolRm => &[Marker::TotalFinish],
        }
    }

    /// The name in `toolbeam.json`.
    pub fn name(self) -> &'static str {
        match self {
            RewardKind::ToolPrm => "toolprm",
            RewardKind::CPrm => "c_prm",
            RewardKind::Orm => "orm",
            RewardKind::ToolRm => "toolrm",
        }
    }

    /// Refuses names that are none of its markers.
    pub(crate) fn check_markers<'a>(
        self,
        key: &str,
        mut names: impl Iterator<Item = &'a String>,
    ) -> Result<(), RewardError> {
        let is_known = |name: &str| self.markers().iter().any(|marker| marker.token() == name);
        let Some(name) = names.find(|name| !is_known(name)) else { return Ok(()) };
        let markers: Vec<&str> = self.markers().iter().map(|marker| marker.token()).collect();
        Err(RewardError::Profile(format!(
            "{key} names {name}, which is no marker of {}; it has {}",
            self.name(),
            markers.join(", ")
        )))
    }

    /// What a model is whose folder does not say.
    pub(crate) fn of_head(head: Head) -> RewardKind {
        match head {
            Head::Vocabulary => RewardKind::ToolPrm,
            Head::Scalar => RewardKind::ToolRm,
        }
    }

    /// What it reads its rewards from.
    pub(crate) fn head(self) -> Head {
        match self {
            RewardKind::ToolPrm | RewardKind::CPrm | RewardKind::Orm => Head::Vocabulary,
            RewardKind::ToolRm => Head::Scalar,
        }
    }
}
