//! The rounds of a search in the contract's words.

use toolbeam_proto::v1;
use toolbeam_search::{CandidateTrace, Fate, RoundTrace};

use crate::step::judged;

/// A round as the contract has it.
pub(crate) fn round(trace: &RoundTrace) -> v1::RoundTrace {
    v1::RoundTrace { round: trace.round, candidates: trace.candidates.iter().map(candidate).collect() }
}

/// A candidate as the contract has it.
pub(crate) fn candidate(trace: &CandidateTrace) -> v1::CandidateTrace {
    let answer = &trace.answer;
    let steps = trace.new_steps.clone();
    v1::CandidateTrace {
        parent: trace.parent.0,
        beam: trace.beam.map_or(0, |beam| beam.0),
        text: answer.text.get(trace.new_text.clone()).unwrap_or_default().to_vec(),
        steps: judged(
            answer.steps.get(steps.clone()).unwrap_or_default(),
            answer.rewards.get(steps).unwrap_or_default(),
        ),
        // Whether or not all of it was, where it inherits.
        reward: (answer.scored > 0).then_some(trace.reward),
        count: trace.count,
        fate: match trace.fate {
            None => v1::Fate::Unspecified,
            Some(Fate::Retained) => v1::Fate::Retained,
            Some(Fate::Pruned) => v1::Fate::Pruned,
            Some(Fate::Finished) => v1::Fate::Finished,
            Some(Fate::SchemaInvalid) => v1::Fate::SchemaInvalid,
        }
        .into(),
    }
}
