//! Everything that is wrong with a request, gathered before it is refused.

use toolbeam_serve::Violation;

use crate::error::GatewayError;

/// The most violations that are reported of one request.
const MAX_VIOLATIONS: usize = 32;

/// Violations in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Adds what is wrong with a field. The path is the proto's.
    pub(crate) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.0.len() < MAX_VIOLATIONS {
            self.0.push(Violation { field: field.into(), description: description.into() });
        }
    }

    /// Refuses the request if anything is wrong with it.
    pub(crate) fn into_result(self) -> Result<(), GatewayError> {
        if self.0.is_empty() { Ok(()) } else { Err(GatewayError::Invalid(self.0)) }
    }
}
