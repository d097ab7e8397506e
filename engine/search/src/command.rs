//! What a strategy wants done.

use std::fmt;
use std::sync::Arc;

use crate::answer::Answer;
use crate::expansion::Expansion;
use crate::note::Note;
use crate::outcome::Outcome;

/// Names a beam within one search. Ids are never used twice; the root is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeamId(pub u32);

impl BeamId {
    /// The beam of the empty answer, with which every search begins.
    pub const ROOT: BeamId = BeamId(0);
}

impl fmt::Display for BeamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How the policy picks tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Draw {
    /// As the request's sampling says.
    Sample,
    /// The most probable token, always.
    Greedy,
    /// The most probable next tokens, one per draw, and nothing behind them.
    Top,
}

/// What a strategy wants done. Commands are carried out in their order; none needs to have ended
/// before the next begins.
#[derive(Debug, Clone)]
pub enum Command {
    /// Continue an answer up to the end of its next step. Answered by `Expanded` or `Failed`.
    Expand {
        /// The beam. It is expanded again only after the reply: for more draws, or, while it is being completed
        /// greedily, for its next step.
        beam: BeamId,
        /// Its answer.
        answer: Arc<Answer>,
        /// Index of the first draw: so many were asked for before.
        first: u32,
        /// How many draws.
        expansions: u32,
        /// How to draw.
        draw: Draw,
    },
    /// Find the rewards of each candidate's new steps. Answered by `Scored` or `Failed`.
    Score {
        /// The beam that was expanded.
        beam: BeamId,
        /// Its distinct expansions; never empty.
        candidates: Vec<Expansion>,
    },
    /// These beams are gone: cancel their work and free what they hold.
    Prune {
        /// The beams.
        beams: Vec<BeamId>,
    },
    /// Something for those who watch. Changes nothing.
    Note(Note),
    /// The search is over; nothing follows.
    Finish(Outcome),
}
