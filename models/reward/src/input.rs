//! The tokens that a reward model reads.

use toolbeam_grammar::{Layout, Marker, Step, render};
use toolbeam_lm::{ModelFiles, Tokenizer};

use crate::RewardError;
use crate::profile::Profile;

/// The token ids that a reward model uses beside text.
#[derive(Clone, Debug)]
pub struct RewardTokens {
    /// The marker tokens, in the order of [`Marker::ALL`].
    markers: [u32; Marker::ALL.len()],
    /// The label token of a right step.
    pub positive: u32,
    /// The label token of a wrong step.
    pub negative: u32,
}

/// An answer as tokens with markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewardInput {
    /// Tokens after the prompt.
    pub tokens: Vec<u32>,
    /// Index in `tokens` of every step's marker.
    pub markers: Vec<usize>,
}

impl RewardTokens {
    /// Looks the tokens up in a model folder.
    ///
    /// # Errors
    /// [`RewardError::NoMarker`], [`RewardError::NoLabel`], [`RewardError::Profile`].
    pub fn find(files: &ModelFiles, tokenizer: &Tokenizer) -> Result<RewardTokens, RewardError> {
        let profile = Profile::read(files)?.reward;
        let mut markers = [0; Marker::ALL.len()];
        for (id, marker) in markers.iter_mut().zip(Marker::ALL) {
            let token = profile.marker_token(marker);
            *id =
                tokenizer.special(token).ok_or_else(|| RewardError::NoMarker { token: token.to_owned() })?;
        }
        let label = |label: &str| {
            tokenizer.single(label).ok_or_else(|| RewardError::NoLabel { label: label.to_owned() })
        };
        let labels = profile.labels();
        Ok(RewardTokens { markers, positive: label(&labels.positive)?, negative: label(&labels.negative)? })
    }

    /// The token of a marker.
    pub fn marker(&self, marker: Marker) -> u32 {
        self.markers[marker as usize]
    }

    /// Renders steps and encodes the text between two markers by itself, so that a prefix of the
    /// steps always gives a prefix of the tokens.
    ///
    /// # Errors
    /// [`RewardError::Model`] if the tokenizer refuses a text.
    pub fn input(&self, tokenizer: &Tokenizer, steps: &[Step]) -> Result<RewardInput, RewardError> {
        let mut input = RewardInput { tokens: Vec::new(), markers: Vec::with_capacity(steps.len()) };
        for segment in render::segments(Layout::JsonList, steps) {
            input.tokens.extend(tokenizer.encode(&segment.text)?);
            input.markers.push(input.tokens.len());
            input.tokens.push(self.marker(segment.marker));
        }
        Ok(input)
    }
}
