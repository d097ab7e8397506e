//! What a search looks like, to a person and to a program.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use toolbeam_client::v1;

/// A readable account: rounds with their candidates, the answers, and what was spent.
pub(crate) fn trace(response: &v1::SearchResponse) -> String {
    let mut out = String::new();
    response.rounds.iter().for_each(|trace| out.push_str(&round(trace)));
    if response.answers.is_empty() {
        let _ = writeln!(out, "  no valid answer");
    }
    let what = if response.abstained { "abstained; candidate" } else { "answer" };
    for answer in &response.answers {
        let reward = answer.reward.map_or("not scored".into(), |reward| format!("reward {reward:.3}"));
        let confidence = answer.confidence.filter(|it| answer.reward != Some(*it));
        let confidence = confidence.map_or(String::new(), |it| format!(", confidence {it:.3}"));
        let _ = writeln!(out, "  {what} ({reward}{confidence}): {}", calls(answer));
        if !answer.content.is_empty() {
            let _ = writeln!(out, "    {}", answer.content.replace('\n', "\n    "));
        }
        let steps = answer.steps.iter().map(|step| format!("{} {}", marker(step), reward_of(step.reward)));
        let _ = writeln!(out, "    {}", steps.collect::<Vec<_>>().join("  "));
    }
    let _ = writeln!(out, "  {}", spent(response));
    let _ = writeln!(out, "  {}", worked(response));
    out
}

/// A round with its candidates, a line each.
pub(crate) fn round(round: &v1::RoundTrace) -> String {
    let mut out = format!("  round {}: {} candidates\n", round.round, round.candidates.len());
    for candidate in &round.candidates {
        let _ = writeln!(out, "    {}", candidate_line(candidate));
    }
    out
}

/// A step in a few words.
pub(crate) fn step(step: &v1::Step) -> String {
    match step.marker() {
        v1::Marker::FuncName => step.name.clone(),
        v1::Marker::ArgValue => format!("{}={}", step.key, step.value),
        v1::Marker::ParamFinish => "end of arguments".to_owned(),
        v1::Marker::FuncFinish => "end of call".to_owned(),
        v1::Marker::TotalFinish => "end of answer".to_owned(),
        v1::Marker::Unspecified => "?".to_owned(),
    }
}

fn candidate_line(candidate: &v1::CandidateTrace) -> String {
    let fate = match candidate.fate() {
        v1::Fate::Retained => format!("-> beam {}", candidate.beam),
        v1::Fate::Finished => "-> finished".to_owned(),
        v1::Fate::Pruned => "   pruned".to_owned(),
        v1::Fate::SchemaInvalid => "   not allowed by the tools".to_owned(),
        v1::Fate::Unspecified => String::new(),
    };
    let text = String::from_utf8_lossy(&candidate.text).replace('\n', "\\n");
    let steps: Vec<String> = candidate.steps.iter().map(|step| reward_of(step.reward)).collect();
    let reward = reward_of(candidate.reward);
    format!(
        "{reward} x{:<3} beam {:<2} {fate:12} {text}  [{}]",
        candidate.count,
        candidate.parent,
        steps.join(" ")
    )
}

fn reward_of(reward: Option<f32>) -> String {
    reward.map_or("  -  ".to_owned(), |reward| format!("{reward:.3}"))
}

fn marker(step: &v1::JudgedStep) -> &'static str {
    match step.step.as_ref().map_or(v1::Marker::Unspecified, v1::Step::marker) {
        v1::Marker::FuncName => "name",
        v1::Marker::ArgValue => "argument",
        v1::Marker::ParamFinish => "arguments",
        v1::Marker::FuncFinish => "call",
        v1::Marker::TotalFinish => "answer",
        v1::Marker::Unspecified => "?",
    }
}

/// The calls of an answer as a JSON list.
pub(crate) fn calls(answer: &v1::Answer) -> String {
    let calls = answer.calls.iter().map(|call| {
        let name = Value::from(call.name.as_str());
        format!("{{\"name\": {name}, \"arguments\": {}}}", call.arguments)
    });
    format!("[{}]", calls.collect::<Vec<_>>().join(", "))
}

fn spent(response: &v1::SearchResponse) -> String {
    let usage = response.usage.unwrap_or_default();
    let (policy, reward) = (usage.policy.unwrap_or_default(), usage.reward.unwrap_or_default());
    format!(
        "{} after {} rounds in {:.0} ms (policy {:.0} ms, {} tokens; reward {:.0} ms, {} tokens)",
        stop_reason(response),
        usage.rounds,
        milliseconds(usage.total_time),
        milliseconds(usage.expand_time),
        policy.decode_tokens,
        milliseconds(usage.score_time),
        reward.answer_tokens,
    )
}

/// How well the tokens were spent.
fn worked(response: &v1::SearchResponse) -> String {
    let usage = response.usage.unwrap_or_default();
    let (policy, reward) = (usage.policy.unwrap_or_default(), usage.reward.unwrap_or_default());
    let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
    format!(
        "waste {} policy, {} reward; {} of {} sampled tokens shared a row; {} prompt tokens computed, {} \
         tokens cached",
        ratio(usage.policy_waste_ratio),
        ratio(usage.reward_waste_ratio),
        policy.shared_rows,
        policy.sampled_tokens,
        policy.prompt_tokens + reward.prompt_tokens,
        policy.cached_prompt_tokens + policy.cached_answer_tokens + reward.cached_tokens,
    )
}

/// The total time of a search, in milliseconds.
pub(crate) fn total_ms(response: &v1::SearchResponse) -> f64 {
    milliseconds(response.usage.as_ref().and_then(|usage| usage.total_time))
}

fn milliseconds(duration: Option<prost_types::Duration>) -> f64 {
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration.unwrap_or_default().as_secs_f64() * 1e3
}

fn stop_reason(response: &v1::SearchResponse) -> String {
    let name = response.stop_reason().as_str_name();
    name.trim_start_matches("STOP_REASON_").to_lowercase().replace('_', " ")
}

/// The response as JSON: calls with their arguments as JSON values, rewards per step, what was spent.
pub(crate) fn to_json(response: &v1::SearchResponse) -> Value {
    let usage = response.usage.unwrap_or_default();
    let (policy, reward) = (usage.policy.unwrap_or_default(), usage.reward.unwrap_or_default());
    let models = response.model_fingerprints.clone().unwrap_or_default();
    json!({
        "search_id": response.search_id,
        "answers": response.answers.iter().map(answer_json).collect::<Value>(),
        "abstained": response.abstained,
        "stop_reason": response.stop_reason().as_str_name().trim_start_matches("STOP_REASON_"),
        "usage": {
            "rounds": usage.rounds,
            "expansions": usage.expansions,
            "candidates": usage.candidates,
            "policy_tokens": policy.decode_tokens,
            "policy_prompt_tokens": policy.prompt_tokens,
            "policy_cached_tokens": policy.cached_prompt_tokens + policy.cached_answer_tokens,
            "policy_distinct_tokens": policy.distinct_tokens,
            "policy_waste_ratio": usage.policy_waste_ratio,
            "sampled_tokens": policy.sampled_tokens,
            "shared_rows": policy.shared_rows,
            "reward_tokens": reward.answer_tokens,
            "reward_prompt_tokens": reward.prompt_tokens,
            "reward_cached_tokens": reward.cached_tokens,
            "reward_distinct_tokens": reward.distinct_tokens,
            "reward_waste_ratio": usage.reward_waste_ratio,
            "total_ms": milliseconds(usage.total_time),
            "expand_ms": milliseconds(usage.expand_time),
            "score_ms": milliseconds(usage.score_time),
        },
        "model_fingerprints": { "policy": models.policy, "scorer": models.scorer },
        "rounds": response.rounds.iter().map(round_json).collect::<Value>(),
    })
}

fn answer_json(answer: &v1::Answer) -> Value {
    let calls = answer
        .calls
        .iter()
        .map(|call| json!({ "name": call.name, "arguments": json_or_text(&call.arguments) }));
    json!({
        "calls": calls.collect::<Value>(),
        "content": answer.content,
        "reward": answer.reward,
        "confidence": answer.confidence,
        "call_confidence": answer.call_confidence,
        "steps": answer.steps.iter().map(judged_json).collect::<Value>(),
        "log_probability": answer.log_probability,
        "count": answer.count,
    })
}

fn judged_json(judged: &v1::JudgedStep) -> Value {
    let mut out = step_json(judged.step.as_ref().unwrap_or(&v1::Step::default()));
    out["reward"] = judged.reward.into();
    out
}

/// A step: its marker, and what belongs to the marker.
pub(crate) fn step_json(step: &v1::Step) -> Value {
    let mut out = json!({ "marker": step.marker().as_str_name().trim_start_matches("MARKER_") });
    match step.marker() {
        v1::Marker::FuncName => out["name"] = step.name.as_str().into(),
        v1::Marker::ArgValue => {
            out["key"] = step.key.as_str().into();
            out["value"] = json_or_text(&step.value);
        }
        v1::Marker::ParamFinish
        | v1::Marker::FuncFinish
        | v1::Marker::TotalFinish
        | v1::Marker::Unspecified => {}
    }
    out
}

/// A round with the fate of each candidate.
pub(crate) fn round_json(round: &v1::RoundTrace) -> Value {
    let candidates = round.candidates.iter().map(candidate_json);
    json!({ "round": round.round, "candidates": candidates.collect::<Value>() })
}

/// A candidate with its rewards.
pub(crate) fn candidate_json(candidate: &v1::CandidateTrace) -> Value {
    json!({
        "parent": candidate.parent,
        "beam": candidate.beam,
        "text": String::from_utf8_lossy(&candidate.text),
        "rewards": candidate.steps.iter().map(|step| step.reward).collect::<Vec<_>>(),
        "reward": candidate.reward,
        "count": candidate.count,
        "fate": candidate.fate().as_str_name().trim_start_matches("FATE_"),
    })
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
