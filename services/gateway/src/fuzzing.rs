//! Where fuzzing comes in. No part of what the crate promises.

use toolbeam_proto::v1;

use crate::{GatewayConfig, GatewayError, request};

/// Reads a search as the service does before any work is spent on it.
///
/// # Errors
/// What the service refuses it with.
pub fn search(request: v1::SearchRequest, config: &GatewayConfig) -> Result<(), GatewayError> {
    request::read(request, config).map(drop)
}
