//! Scored expansions: which are the same, and which is better.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::answer::Answer;
use crate::command::BeamId;
use crate::expansion::Expansion;
use crate::note::{CandidateTrace, Fate};

/// An answer compared by what it decides and by how it can go on: spelling does not count.
#[derive(Debug, Clone)]
pub(crate) struct Decisions(pub(crate) Arc<Answer>);

impl PartialEq for Decisions {
    fn eq(&self, other: &Decisions) -> bool {
        self.0.digest == other.0.digest && self.0.steps == other.0.steps && self.0.parser == other.0.parser
    }
}

impl Eq for Decisions {}

impl Hash for Decisions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

/// A scored expansion that waits to be pruned.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) parent: BeamId,
    /// The subtree of the parent.
    pub(crate) lineage: u32,
    pub(crate) expansion: Expansion,
    /// Its reward, its parent's if it has none.
    pub(crate) reward: f32,
    /// What it is ranked by: the reward, or what `log_probability_weight` makes of it.
    pub(crate) value: f32,
}

impl Candidate {
    /// Better first: higher value, higher count, higher log-probability. Sorting by it is stable,
    /// so that the lower index stands first among equals.
    pub(crate) fn rank(&self, other: &Candidate) -> Ordering {
        let log_probability = |it: &Candidate| it.expansion.answer.log_probability;
        other
            .value
            .total_cmp(&self.value)
            .then(other.expansion.count.cmp(&self.expansion.count))
            .then(log_probability(other).total_cmp(&log_probability(self)))
    }

    pub(crate) fn trace(&self, beam: Option<BeamId>, fate: Option<Fate>) -> CandidateTrace {
        CandidateTrace {
            parent: self.parent,
            beam,
            answer: Arc::clone(&self.expansion.answer),
            new_steps: self.expansion.new_steps.clone(),
            new_text: self.expansion.new_text.clone(),
            reward: self.value,
            count: self.expansion.count,
            fate,
        }
    }
}

/// Merges candidates of several parents that decide the same, then puts the best first.
/// `candidates` come in index order: beams by their place, expansions by their index. Of merged
/// ones the most probable spelling stands, with the count of all, at the lowest index.
pub(crate) fn merge_and_rank(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut places = HashMap::with_capacity(candidates.len());
    let mut merged: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let key = Decisions(Arc::clone(&candidate.expansion.answer));
        let place = *places.entry(key).or_insert_with(|| merged.len());
        let Some(earlier) = merged.get_mut(place) else {
            merged.push(candidate);
            continue;
        };
        let count = earlier.expansion.count.saturating_add(candidate.expansion.count);
        let probable = |it: &Candidate| it.expansion.answer.log_probability;
        if probable(&candidate) > probable(earlier) {
            *earlier = candidate;
        }
        earlier.expansion.count = count;
    }
    merged.sort_by(Candidate::rank);
    merged
}
