//! From a request to a plan: every field is checked before any work is spent.

mod prompt;
mod rules;
mod settings;
mod violations;

use std::time::Duration;

use toolbeam_proto::v1;
use toolbeam_search::Settings;

use crate::config::GatewayConfig;
use crate::error::GatewayError;
use violations::Violations;

/// A request that can be carried out.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The caller's id of the search, or one that was made up.
    pub(crate) id: String,
    /// The conversation and the tools.
    pub(crate) prompt: v1::Prompt,
    /// The policy that was asked for. Empty takes any.
    pub(crate) model: String,
    /// How to search.
    pub(crate) settings: Settings,
    /// What the ports send along.
    pub(crate) drawing: Drawing,
    /// How long the search may take, the caller's deadline left out.
    pub(crate) max_duration: Duration,
}

/// How the policy draws tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drawing {
    /// Temperature and filters, defaults filled in.
    pub(crate) sampling: v1::Sampling,
    /// What randomness is keyed by.
    pub(crate) seed: u64,
    /// The most tokens of one expansion.
    pub(crate) max_step_tokens: u32,
    /// Whether equal requests must give equal bits.
    pub(crate) deterministic: bool,
}

/// Reads a request.
///
/// # Errors
/// `Invalid` with every field that breaks the contract; `Unsupported` if there is
/// none, but something is asked for that is not served yet.
pub(crate) fn read(request: v1::SearchRequest, config: &GatewayConfig) -> Result<Plan, GatewayError> {
    let mut violations = Violations::default();
    if let Err(wrong) = toolbeam_serve::check_search_id(&request.search_id) {
        violations.add(wrong.field, wrong.description);
    }
    let tools = prompt::check(&request, &mut violations);
    let settings = settings::settings(&request, tools, config, &mut violations);
    let drawing = settings::drawing(&request, config, &mut violations);
    let max_duration = settings::max_duration(request.limits.as_ref(), config, &mut violations);
    settings::check_constraint(&request, &mut violations);
    violations.into_result()?;
    refuse_unsupported(&request)?;
    Ok(Plan {
        id: if request.search_id.is_empty() { made_up_id() } else { request.search_id },
        // A missing prompt is a violation.
        prompt: request.prompt.unwrap_or_default(),
        model: request.model,
        settings,
        drawing,
        max_duration,
    })
}

fn made_up_id() -> String {
    format!("search-{:032x}", rand::random::<u128>())
}

/// Refuses what the contract knows and the gateway does not do yet.
fn refuse_unsupported(request: &v1::SearchRequest) -> Result<(), GatewayError> {
    match request.constraint() {
        v1::Constraint::Unspecified | v1::Constraint::Off => Ok(()),
        v1::Constraint::Syntax | v1::Constraint::Schema => {
            Err(GatewayError::Unsupported { field: "constraint", remedy: "use CONSTRAINT_OFF" })
        }
    }
}
