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
    /// The least confidence of an answer that may be acted on, 0 to 1.
    pub(crate) abstain_below: f32,
    /// What the ports send along.
    pub(crate) drawing: Drawing,
    /// How long the search may take, the caller's deadline left out.
    pub(crate) max_duration: Duration,
    /// The request as it is carried out, if the caller wants it back.
    pub(crate) carried_out: Option<Box<v1::SearchRequest>>,
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
    /// What continuations may contain; `None` is anything.
    pub(crate) constraint: Option<v1::Constraint>,
    /// Whether syntax will do where schemas cannot be a constraint.
    pub(crate) constraint_fallback: bool,
}

/// Reads a request.
///
/// # Errors
/// `Invalid` with every field that breaks the contract.
pub(crate) fn read(request: v1::SearchRequest, config: &GatewayConfig) -> Result<Plan, GatewayError> {
    let mut violations = Violations::default();
    if let Err(wrong) = toolbeam_serve::check_search_id(&request.search_id) {
        violations.add(wrong.field, wrong.description);
    }
    let tools = prompt::check(&request, &mut violations);
    let settings = settings::settings(&request, tools, config, &mut violations);
    let drawing = settings::drawing(&request, config, &mut violations);
    let max_duration = settings::max_duration(request.limits.as_ref(), config, &mut violations);
    let abstain_below = settings::abstain_below(&request, &mut violations);
    violations.into_result()?;
    let carried_out =
        request.trace.then(|| Box::new(carried_out(&request, &settings, drawing, max_duration)));
    Ok(Plan {
        id: if request.search_id.is_empty() { made_up_id() } else { request.search_id },
        // A missing prompt is a violation.
        prompt: request.prompt.unwrap_or_default(),
        model: request.model,
        settings,
        abstain_below,
        drawing,
        max_duration,
        carried_out,
    })
}

/// A request with every default filled in.
fn carried_out(
    request: &v1::SearchRequest,
    settings: &Settings,
    drawing: Drawing,
    max_duration: Duration,
) -> v1::SearchRequest {
    let asked = request.strategy.unwrap_or_default();
    v1::SearchRequest {
        search_id: String::new(),
        strategy: Some(v1::Strategy {
            num_beams: Some(settings.num_beams),
            expansions_per_beam: Some(settings.expansions_per_beam),
            log_probability_weight: Some(settings.log_probability_weight),
            probe_expansions: Some(settings.probe_expansions),
            reward_margin: Some(settings.reward_margin),
            ..asked
        }),
        sampling: Some(drawing.sampling),
        limits: Some(v1::Limits {
            max_rounds: settings.limits.max_rounds,
            max_policy_tokens: settings.limits.max_policy_tokens,
            max_reward_tokens: settings.limits.max_reward_tokens,
            max_step_tokens: drawing.max_step_tokens,
            // Within what the gateway allows, which a duration of the contract holds.
            max_duration: max_duration.try_into().ok(),
        }),
        num_answers: Some(settings.num_answers),
        ..request.clone()
    }
}

fn made_up_id() -> String {
    format!("search-{:032x}", rand::random::<u128>())
}
