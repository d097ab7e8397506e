//! How somebody writes or speaks.

use crate::draws::Draws;

/// What kind of text a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Sentences.
    Written,
    /// Keywords.
    Terse,
    /// Sentences with much around them.
    Chatty,
    /// What somebody says to an assistant, as speech recognition writes it.
    Spoken,
}

/// A query's style.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) manner: Manner,
    /// No capitals, in values neither.
    pub(super) lower: bool,
    /// Whether there is punctuation.
    pub(super) punctuated: bool,
}

impl Style {
    pub(super) fn draw(draws: &mut Draws) -> Style {
        let (manner, lower, punctuated) = match draws.weighted(&[0.46, 0.14, 0.12, 0.12, 0.16]) {
            0 => (Manner::Written, 0.0, 1.0),
            1 => (Manner::Written, 1.0, 0.35),
            2 => (Manner::Terse, 0.6, 0.3),
            3 => (Manner::Chatty, 0.3, 0.9),
            _ => (Manner::Spoken, 0.9, 0.15),
        };
        Style { manner, lower: draws.chance(lower), punctuated: draws.chance(punctuated) }
    }

    pub(super) fn is_spoken(self) -> bool {
        self.manner == Manner::Spoken
    }

    /// Free text as it is said in this style.
    pub(super) fn spelt(self, text: String) -> String {
        if self.lower { text.to_lowercase() } else { text }
    }
}
