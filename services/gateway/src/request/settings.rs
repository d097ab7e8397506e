//! The strategy, its limits and how tokens are drawn.

use std::sync::Arc;
use std::time::Duration;

use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::ToolSet;
use toolbeam_proto::v1;
use toolbeam_search::{
    Aggregation, Limits, MAX_BEAMS, MAX_EXPANSIONS, MAX_SAMPLES, Scope, Settings, StrategyKind,
};

use super::Drawing;
use super::rules::rules;
use super::violations::Violations;
use crate::config::GatewayConfig;

const DEFAULT_TEMPERATURE: f32 = 0.8;
const DEFAULT_TOP_P: f32 = 1.0;
const DEFAULT_MAX_REPETITION_TOKENS: u32 = 64;
/// The most answers of a response.
const MAX_ANSWERS: u32 = 64;

/// How to search. Out-of-range values are reported and stand in the result as they
/// came.
pub(super) fn settings(
    request: &v1::SearchRequest,
    tools: Option<ToolSet>,
    config: &GatewayConfig,
    violations: &mut Violations,
) -> Settings {
    let (strategy, default) = (request.strategy.unwrap_or_default(), Settings::default());
    let mut count = |field: &str, given: Option<u32>, default: u32, most: u32| {
        let value = given.unwrap_or(default);
        if !(1..=most).contains(&value) {
            violations.add(field, format!("{value} is out of range; use 1 to {most}"));
        }
        value
    };
    let settings = Settings {
        num_beams: count("strategy.num_beams", strategy.num_beams, default.num_beams, MAX_BEAMS),
        expansions_per_beam: count(
            "strategy.expansions_per_beam",
            strategy.expansions_per_beam,
            default.expansions_per_beam,
            MAX_EXPANSIONS,
        ),
        probe_expansions: count(
            "strategy.probe_expansions",
            strategy.probe_expansions,
            default.probe_expansions,
            MAX_EXPANSIONS,
        ),
        num_answers: count("num_answers", request.num_answers, default.num_answers, MAX_ANSWERS),
        log_probability_weight: share(
            "strategy.log_probability_weight",
            strategy.log_probability_weight,
            default.log_probability_weight,
            violations,
        ),
        reward_margin: share(
            "strategy.reward_margin",
            strategy.reward_margin,
            default.reward_margin,
            violations,
        ),
        strategy: strategy_kind(strategy, violations),
        aggregation: aggregation(strategy, violations),
        scope: scope(strategy, violations),
        limits: limits(request.limits.as_ref(), config),
        // Until the policy has said how it writes.
        layout: Layout::JsonList,
        rules: Arc::new(rules(request, violations)),
        tools: validates_schemas(request, violations).then(|| tools.map(Arc::new)).flatten(),
    };
    check_samples(&settings, violations);
    settings
}

/// A number from 0 to 1, which NaN is not.
fn share(field: &str, given: Option<f32>, default: f32, violations: &mut Violations) -> f32 {
    let value = given.unwrap_or(default);
    if !(0.0..=1.0).contains(&value) {
        violations.add(field, format!("{value} is out of range; use 0 to 1"));
    }
    value
}

/// The least confidence of an answer that may be acted on.
pub(super) fn abstain_below(request: &v1::SearchRequest, violations: &mut Violations) -> f32 {
    share("abstain_below", request.abstain_below, 0.0, violations)
}

/// Refuses more whole answers than a search samples.
fn check_samples(settings: &Settings, violations: &mut Violations) {
    let sampled = matches!(settings.strategy, StrategyKind::Majority | StrategyKind::BestOfN);
    if sampled && settings.samples() > MAX_SAMPLES {
        let description = format!(
            "{} samples in all; use at most {MAX_SAMPLES} (num_beams times expansions_per_beam)",
            settings.samples()
        );
        violations.add("strategy.expansions_per_beam", description);
    }
}

fn strategy_kind(strategy: v1::Strategy, violations: &mut Violations) -> StrategyKind {
    match v1::StrategyKind::try_from(strategy.kind) {
        Ok(v1::StrategyKind::Unspecified | v1::StrategyKind::FineGrainedBeam) => {
            StrategyKind::FineGrainedBeam
        }
        Ok(v1::StrategyKind::Greedy) => StrategyKind::Greedy,
        Ok(v1::StrategyKind::Majority) => StrategyKind::Majority,
        Ok(v1::StrategyKind::BestOfN) => StrategyKind::BestOfN,
        Ok(v1::StrategyKind::TokenBeam) => StrategyKind::TokenBeam,
        Ok(v1::StrategyKind::DiverseBeam) => StrategyKind::DiverseBeam,
        Ok(v1::StrategyKind::Adaptive) => StrategyKind::Adaptive,
        Err(_) => {
            unknown("strategy.kind", strategy.kind, violations);
            StrategyKind::FineGrainedBeam
        }
    }
}

fn aggregation(strategy: v1::Strategy, violations: &mut Violations) -> Aggregation {
    match v1::Aggregation::try_from(strategy.aggregation) {
        Ok(v1::Aggregation::Unspecified | v1::Aggregation::Min) => Aggregation::Min,
        Ok(v1::Aggregation::Last) => Aggregation::Last,
        Ok(v1::Aggregation::Product) => Aggregation::Product,
        Ok(v1::Aggregation::Mean) => Aggregation::Mean,
        Err(_) => {
            unknown("strategy.aggregation", strategy.aggregation, violations);
            Aggregation::Min
        }
    }
}

fn scope(strategy: v1::Strategy, violations: &mut Violations) -> Scope {
    match v1::RewardScope::try_from(strategy.scope) {
        Ok(v1::RewardScope::Unspecified | v1::RewardScope::Expansion) => Scope::Expansion,
        Ok(v1::RewardScope::Path) => Scope::Path,
        Err(_) => {
            unknown("strategy.scope", strategy.scope, violations);
            Scope::Expansion
        }
    }
}

fn validates_schemas(request: &v1::SearchRequest, violations: &mut Violations) -> bool {
    match v1::Validation::try_from(request.validation) {
        Ok(v1::Validation::Unspecified | v1::Validation::Schema) => true,
        Ok(v1::Validation::Syntax) => false,
        Err(_) => {
            unknown("validation", request.validation, violations);
            true
        }
    }
}

fn unknown(field: &str, number: i32, violations: &mut Violations) {
    violations.add(field, format!("{number} is not a value of this enum; use one that is"));
}

/// The smaller of what is asked for and what the gateway allows.
fn limits(limits: Option<&v1::Limits>, config: &GatewayConfig) -> Limits {
    let asked = limits.copied().unwrap_or_default();
    Limits {
        max_rounds: capped(asked.max_rounds, config.max_rounds),
        max_policy_tokens: capped(asked.max_policy_tokens, config.max_policy_tokens),
        max_reward_tokens: capped(asked.max_reward_tokens, config.max_reward_tokens),
    }
}

/// The smaller of both; 0 asks for nothing.
fn capped<T: Ord + Default>(asked: T, allowed: T) -> T {
    if asked == T::default() { allowed } else { asked.min(allowed) }
}

/// How long the search may take.
pub(super) fn max_duration(
    limits: Option<&v1::Limits>,
    config: &GatewayConfig,
    violations: &mut Violations,
) -> Duration {
    let allowed = Duration::from_millis(config.max_duration_ms);
    let Some(asked) = limits.and_then(|limits| limits.max_duration) else { return allowed };
    // Not by prost's conversion, which panics on some malformed durations.
    match (u64::try_from(asked.seconds), u32::try_from(asked.nanos)) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => capped(Duration::new(seconds, nanos), allowed),
        _ => {
            violations.add("limits.max_duration", "negative or malformed; use a positive duration, or none");
            allowed
        }
    }
}

/// How the policy draws tokens.
pub(super) fn drawing(
    request: &v1::SearchRequest,
    config: &GatewayConfig,
    violations: &mut Violations,
) -> Drawing {
    let asked = request.sampling.unwrap_or_default();
    let temperature = asked.temperature.unwrap_or(DEFAULT_TEMPERATURE);
    if !temperature.is_finite() || temperature < 0.0 {
        violations.add(
            "sampling.temperature",
            format!("{temperature} is no temperature; use a finite number from 0 on"),
        );
    }
    let top_p = asked.top_p.unwrap_or(DEFAULT_TOP_P);
    // Written so that NaN is refused as well.
    if !(top_p > 0.0 && top_p <= 1.0) {
        violations.add("sampling.top_p", format!("{top_p} is out of range; use (0, 1]"));
    }
    let asked_tokens = request.limits.map_or(0, |limits| limits.max_step_tokens);
    let max_repetition_tokens = asked.max_repetition_tokens.unwrap_or(DEFAULT_MAX_REPETITION_TOKENS);
    Drawing {
        sampling: v1::Sampling {
            temperature: Some(temperature),
            top_p: Some(top_p),
            top_k: asked.top_k,
            max_repetition_tokens: Some(max_repetition_tokens),
        },
        seed: request.seed,
        max_step_tokens: capped(asked_tokens, config.max_step_tokens),
        deterministic: request.deterministic,
        constraint: constraint(request, violations),
        constraint_fallback: request.constraint_fallback,
    }
}

fn constraint(request: &v1::SearchRequest, violations: &mut Violations) -> Option<v1::Constraint> {
    match v1::Constraint::try_from(request.constraint) {
        Ok(v1::Constraint::Unspecified | v1::Constraint::Off) => None,
        Ok(constraint @ (v1::Constraint::Syntax | v1::Constraint::Schema)) => Some(constraint),
        Err(_) => {
            unknown("constraint", request.constraint, violations);
            None
        }
    }
}
