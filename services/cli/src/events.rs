//! What an event looks like, to a person and to a program.

use serde_json::{Value, json};
use toolbeam_client::{Event, Happening};

use crate::output;

/// Lines for a person. What a pruned round says again is not said when it is scored.
pub(crate) fn readable(event: &Event) -> String {
    match &event.happening {
        Happening::Expanded(_) | Happening::Scored(_) => String::new(),
        Happening::Pruned(round) => output::round(round),
        Happening::Committed(committed) => {
            let steps = committed.steps.iter().map(output::step);
            format!("  committed: {}\n", steps.collect::<Vec<_>>().join(", "))
        }
        Happening::Finished(response) => output::trace(response),
    }
}

/// One JSON object: the number, the round, the kind, and what belongs to the kind.
pub(crate) fn to_json(event: &Event) -> Value {
    let (kind, told) = match &event.happening {
        Happening::Expanded(expanded) => {
            ("expanded", json!({ "beam": expanded.beam, "candidates": expanded.candidates }))
        }
        Happening::Scored(scored) => {
            let candidates = scored.candidates.iter().map(output::candidate_json);
            ("scored", json!({ "beam": scored.beam, "candidates": candidates.collect::<Value>() }))
        }
        Happening::Pruned(round) => ("pruned", output::round_json(round)),
        Happening::Committed(committed) => {
            let steps = committed.steps.iter().map(output::step_json);
            ("committed", json!({ "first_step": committed.first_step, "steps": steps.collect::<Value>() }))
        }
        Happening::Finished(response) => ("finished", output::to_json(response)),
    };
    json!({ "sequence": event.sequence, "round": event.round, "event": kind, kind: told })
}
