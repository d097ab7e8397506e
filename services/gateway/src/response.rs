//! From a search's outcome to its response.

use std::time::Duration;

use toolbeam_grammar::content;
use toolbeam_proto::v1;
use toolbeam_search::{Dropped, Failure, FinishedAnswer, Outcome, StopReason};

use crate::confidence::Confidence;
use crate::error::GatewayError;
use crate::step::judged;

/// What the gateway knows beside the outcome.
#[derive(Debug)]
pub(crate) struct Circumstances {
    /// The search.
    pub(crate) search_id: String,
    /// The models that answered.
    pub(crate) fingerprints: v1::ModelFingerprints,
    /// The rounds, if they were asked for.
    pub(crate) rounds: Vec<v1::RoundTrace>,
    /// The request, if the caller wants it back.
    pub(crate) carried_out: Option<v1::SearchRequest>,
    /// How far answers can be trusted.
    pub(crate) confidence: Confidence,
    /// Waiting for the policy.
    pub(crate) expand_time: Duration,
    /// Waiting for the scorer.
    pub(crate) score_time: Duration,
    /// From request to response.
    pub(crate) total_time: Duration,
}

/// The response to a search that ended.
///
/// # Errors
/// A failed search; a deadline with nothing complete.
pub(crate) fn response(
    outcome: Outcome,
    circumstances: Circumstances,
) -> Result<v1::SearchResponse, GatewayError> {
    let stop_reason = stop_reason(&outcome)?;
    let usage = v1::SearchUsage {
        expand_time: duration(circumstances.expand_time),
        score_time: duration(circumstances.score_time),
        total_time: duration(circumstances.total_time),
        ..usage(&outcome)
    };
    Ok(v1::SearchResponse {
        search_id: circumstances.search_id,
        abstained: circumstances.confidence.abstains(outcome.answers.first()),
        answers: outcome.answers.iter().map(|it| answer(it, circumstances.confidence)).collect(),
        stop_reason: stop_reason.into(),
        usage: Some(usage),
        model_fingerprints: Some(circumstances.fingerprints),
        rounds: circumstances.rounds,
        request: circumstances.carried_out,
    })
}

/// Why the search stopped, in the contract's words: without an answer it is either
/// "no valid answer" or an error.
fn stop_reason(outcome: &Outcome) -> Result<v1::StopReason, GatewayError> {
    let empty = outcome.answers.is_empty();
    let reason = match &outcome.stop_reason {
        StopReason::Failed(Failure::DeadlineExceeded) | StopReason::Deadline if empty => {
            return Err(GatewayError::DeadlineExceeded);
        }
        StopReason::Failed(Failure::DeadlineExceeded) | StopReason::Deadline => v1::StopReason::Deadline,
        StopReason::Failed(failure) => return Err(failure.clone().into()),
        StopReason::Cancelled => return Err(GatewayError::Cancelled),
        StopReason::Finished => v1::StopReason::Finished,
        StopReason::NoValidAnswer => v1::StopReason::NoValidAnswer,
        StopReason::MaxRounds => v1::StopReason::MaxRounds,
        StopReason::MaxPolicyTokens => v1::StopReason::MaxPolicyTokens,
        StopReason::MaxRewardTokens => v1::StopReason::MaxRewardTokens,
    };
    Ok(if empty { v1::StopReason::NoValidAnswer } else { reason })
}

fn answer(finished: &FinishedAnswer, confidence: Confidence) -> v1::Answer {
    let calls = finished.calls.iter().map(|call| v1::FunctionCall {
        name: call.name.clone(),
        arguments: call.arguments_json(),
        id: String::new(),
    });
    v1::Answer {
        calls: calls.collect(),
        reward: finished.reward,
        steps: judged(&finished.answer.steps, &finished.answer.rewards),
        log_probability: finished.answer.log_probability,
        count: finished.count,
        content: content(finished.answer.parser.layout(), &finished.answer.text),
        text: finished.answer.text.clone(),
        confidence: confidence.of_answer(finished),
        call_confidence: confidence.of_calls(finished),
    }
}

/// What was spent, without the times.
fn usage(outcome: &Outcome) -> v1::SearchUsage {
    let (policy, reward) = (outcome.usage.policy, outcome.usage.reward);
    v1::SearchUsage {
        policy: Some(v1::PolicyUsage {
            prompt_tokens: policy.prompt_tokens,
            cached_prompt_tokens: policy.cached_prompt_tokens,
            decode_tokens: policy.decode_tokens,
            sampled_tokens: policy.sampled_tokens,
            cached_answer_tokens: policy.cached_answer_tokens,
            shared_rows: policy.shared_rows,
            distinct_tokens: policy.distinct_tokens,
        }),
        reward: Some(v1::RewardUsage {
            prompt_tokens: reward.prompt_tokens,
            cached_tokens: reward.cached_tokens,
            answer_tokens: reward.answer_tokens,
            distinct_tokens: reward.distinct_tokens,
        }),
        rounds: outcome.rounds,
        expansions: outcome.usage.expansions,
        candidates: outcome.usage.candidates,
        dropped: Some(dropped(outcome.dropped)),
        policy_waste_ratio: policy.waste_ratio(),
        reward_waste_ratio: reward.waste_ratio(),
        ..v1::SearchUsage::default()
    }
}

fn dropped(dropped: Dropped) -> v1::DroppedExpansions {
    v1::DroppedExpansions {
        invalid: dropped.invalid,
        ended: dropped.ended,
        length: dropped.length,
        schema_invalid: dropped.schema_invalid,
        not_allowed: dropped.not_allowed,
        repetition: dropped.repetition,
    }
}

/// Times of a search are far below the contract's bound, where the conversion fails.
fn duration(time: Duration) -> Option<prost_types::Duration> {
    time.try_into().ok()
}
