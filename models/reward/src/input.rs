//! The tokens that a reward model reads.

use toolbeam_grammar::{Layout, Marker, Step, render};
use toolbeam_lm::{ModelConfig, ModelFiles, Tokenizer};

use crate::profile::Profile;
use crate::{Calibration, RewardError, RewardKind};

/// What a reward model is, and the token ids that it uses beside text.
#[derive(Clone, Debug)]
pub struct RewardTokens {
    /// What it judges.
    pub kind: RewardKind,
    /// The tokens that stand where there are rewards, in the order of the kind's markers.
    markers: Vec<(Marker, u32)>,
    /// What is read there.
    pub(crate) readout: Readout,
    /// What it is divided by.
    pub(crate) calibration: Calibration,
}

/// Where a reward comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readout {
    /// The softmax over the logits of two tokens.
    Labels { positive: u32, negative: u32 },
    /// The sigmoid of a scalar head's number.
    Scalar,
}

/// An answer as tokens, up to the last step that has a reward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewardInput {
    /// Tokens after the prompt.
    pub tokens: Vec<u32>,
    /// Per step, the index in `tokens` after which its reward is read; `None` where the model is coarser.
    pub markers: Vec<Option<usize>>,
}

impl RewardTokens {
    /// Looks the tokens up in a model folder.
    ///
    /// # Errors
    /// [`RewardError::NoMarker`], [`RewardError::NoLabel`], [`RewardError::Profile`].
    pub fn find(
        files: &ModelFiles,
        config: &ModelConfig,
        tokenizer: &Tokenizer,
    ) -> Result<RewardTokens, RewardError> {
        let profile = Profile::read(files)?.reward;
        let kind = profile.kind(config)?;
        let calibration = profile.calibration(kind)?;
        if kind == RewardKind::ToolRm {
            // The turn's end stands after the whole answer.
            let end = config.end_tokens.first().copied().unwrap_or_default();
            return Ok(RewardTokens {
                kind,
                markers: vec![(Marker::TotalFinish, end)],
                readout: Readout::Scalar,
                calibration,
            });
        }
        let marker = |marker: &Marker| {
            let token = profile.marker_token(*marker);
            let id = tokenizer.special(token);
            Ok((*marker, id.ok_or_else(|| RewardError::NoMarker { token: token.to_owned() })?))
        };
        let label = |label: &str| {
            tokenizer.single(label).ok_or_else(|| RewardError::NoLabel { label: label.to_owned() })
        };
        let markers = kind.markers().iter().map(marker).collect::<Result<_, RewardError>>()?;
        let labels = profile.labels();
        let readout =
            Readout::Labels { positive: label(&labels.positive)?, negative: label(&labels.negative)? };
        Ok(RewardTokens { kind, markers, readout, calibration })
    }

    /// The tokens that stand where there are rewards.
    pub fn markers(&self) -> impl Iterator<Item = u32> {
        self.markers.iter().map(|(_, id)| *id)
    }

    /// The name of the marker whose token this is.
    pub fn marker_name(&self, token: u32) -> Option<&'static str> {
        self.markers.iter().find(|(_, id)| *id == token).map(|(marker, _)| marker.token())
    }

    /// The tokens of a right and of a wrong step; none for a scalar head.
    pub fn labels(&self) -> impl Iterator<Item = u32> {
        match self.readout {
            Readout::Labels { positive, negative } => vec![positive, negative],
            Readout::Scalar => Vec::new(),
        }
        .into_iter()
    }

    /// Renders steps and encodes the text between two rewards by itself, so that a prefix of the
    /// steps always gives a prefix of the tokens. Text after the last reward is left out.
    ///
    /// # Errors
    /// [`RewardError::Model`] if the tokenizer refuses a text.
    pub fn input(&self, tokenizer: &Tokenizer, steps: &[Step]) -> Result<RewardInput, RewardError> {
        let mut input = RewardInput { tokens: Vec::new(), markers: Vec::with_capacity(steps.len()) };
        let mut text = String::new();
        for segment in render::segments(Layout::JsonList, steps) {
            text += &segment.text;
            let token = self.markers.iter().find(|(marker, _)| *marker == segment.marker);
            let Some((_, token)) = token else {
                input.markers.push(None);
                continue;
            };
            input.tokens.extend(tokenizer.encode(&text)?);
            text.clear();
            input.markers.push(Some(input.tokens.len()));
            input.tokens.push(*token);
        }
        Ok(input)
    }
}
