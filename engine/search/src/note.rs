//! What a watcher is told while a search runs.

use std::ops::Range;
use std::sync::Arc;

use toolbeam_grammar::Step;

use crate::answer::Answer;
use crate::command::BeamId;
use crate::dropped::Dropped;

/// Something that happened. Rounds are counted from 1.
#[derive(Debug, Clone)]
pub enum Note {
    /// A beam was expanded.
    Expanded {
        /// The round.
        round: u32,
        /// The beam.
        beam: BeamId,
        /// Its distinct expansions.
        candidates: u32,
        /// What was dropped on the way.
        dropped: Dropped,
    },
    /// A beam's candidates were scored.
    Scored {
        /// The round.
        round: u32,
        /// The beam.
        beam: BeamId,
        /// The candidates by index; their fate is not known yet.
        candidates: Vec<CandidateTrace>,
    },
    /// A round was pruned.
    Pruned(RoundTrace),
    /// Every surviving beam and every answer of the pool agrees on these steps, so that whatever
    /// the search returns begins with them.
    Committed {
        /// The round.
        round: u32,
        /// Index of the first of `steps` in the answer.
        first_step: usize,
        /// The steps.
        steps: Vec<Step>,
    },
}

/// A round and the fate of each of its candidates.
#[derive(Debug, Clone)]
pub struct RoundTrace {
    /// The round.
    pub round: u32,
    /// Every distinct scored candidate, best first.
    pub candidates: Vec<CandidateTrace>,
}

/// One candidate of a round.
#[derive(Debug, Clone)]
pub struct CandidateTrace {
    /// The beam that it continues.
    pub parent: BeamId,
    /// The beam that it became, if it was retained.
    pub beam: Option<BeamId>,
    /// The answer with its rewards.
    pub answer: Arc<Answer>,
    /// The steps of `answer` that the expansion completed, and at first those that were dictated.
    pub new_steps: Range<usize>,
    /// The bytes of `answer` that the expansion added.
    pub new_text: Range<usize>,
    /// The reward that pruning uses.
    pub reward: f32,
    /// How many expansions drew it.
    pub count: u32,
    /// What became of it, once that is decided.
    pub fate: Option<Fate>,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Lives on as a beam.
    Retained,
    /// Was dropped.
    Pruned,
    /// Is complete and in the pool.
    Finished,
    /// Is complete, but the tools' schemas do not allow it.
    SchemaInvalid,
}
