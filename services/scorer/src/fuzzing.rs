//! Where fuzzing comes in. No part of what the crate promises.

use toolbeam_grammar::Step;
use toolbeam_proto::v1;

use crate::{ScorerError, request};

/// Reads the answers of a request as the service does before it reaches the device: their steps, and
/// the first of them whose reward is wanted.
///
/// # Errors
/// What the service refuses it with.
pub fn score(request: v1::ScoreRequest) -> Result<Vec<(Vec<Step>, usize)>, ScorerError> {
    request::answers(&request.search_id, request.answers)
}
