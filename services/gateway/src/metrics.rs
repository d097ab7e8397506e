//! Searches as metrics.

use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use toolbeam_proto::v1::{DroppedExpansions, SearchResponse};

use crate::error::GatewayError;

const SEARCHES: &str = "toolbeam_searches_total";
const DURATION: &str = "toolbeam_search_duration_seconds";
const ABSTAINED: &str = "toolbeam_searches_abstained_total";
const DROPPED: &str = "toolbeam_expansions_dropped_total";
pub(crate) const RESERVE: &str = "toolbeam_search_reserve_seconds";
const IN_FLIGHT: &str = "toolbeam_searches_in_flight";

/// A search in flight. Dropping it before it [ended](Searching::ended) is its caller's going.
#[derive(Debug)]
pub(crate) struct Searching {
    began: Instant,
    stop_reason: &'static str,
}

/// Says what the metrics are.
pub(crate) fn describe() {
    describe_counter!(
        SEARCHES,
        Unit::Count,
        "Searches by why they stopped: a stop reason of the contract, or cancelled, deadline_exceeded, \
         refused (wrong or impossible requests, or a full gateway), failed, caller_gone."
    );
    describe_histogram!(DURATION, Unit::Seconds, "Time from a search's request to its end.");
    describe_counter!(
        ABSTAINED,
        Unit::Count,
        "Searches whose best answer had less confidence than their caller demanded."
    );
    describe_counter!(
        DROPPED,
        Unit::Count,
        "Expansions that came to nothing, by why: invalid, ended, length, schema_invalid, not_allowed, \
         repetition. Of searches that ended with a response."
    );
    describe_gauge!(
        RESERVE,
        Unit::Seconds,
        "What searches keep of their time for finishing their best beam, if they have so much."
    );
    describe_gauge!(IN_FLIGHT, Unit::Count, "Searches that were asked for and have not ended.");
    gauge!(IN_FLIGHT).set(0.0);
}

impl Searching {
    pub(crate) fn begin() -> Searching {
        gauge!(IN_FLIGHT).increment(1.0);
        Searching { began: Instant::now(), stop_reason: "caller_gone" }
    }

    /// Since when.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The search ended by itself.
    pub(crate) fn ended(&mut self, searched: Result<&SearchResponse, &GatewayError>) {
        self.stop_reason = match searched {
            Ok(response) => {
                counter!(ABSTAINED).increment(u64::from(response.abstained));
                count_dropped(response.usage.and_then(|usage| usage.dropped).unwrap_or_default());
                stop_reason(response)
            }
            Err(error) => failure(error),
        };
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1.0);
        counter!(SEARCHES, "stop_reason" => self.stop_reason).increment(1);
        histogram!(DURATION).record(self.began.elapsed());
    }
}

fn count_dropped(dropped: DroppedExpansions) {
    let kinds = [
        ("invalid", dropped.invalid),
        ("ended", dropped.ended),
        ("length", dropped.length),
        ("schema_invalid", dropped.schema_invalid),
        ("not_allowed", dropped.not_allowed),
        ("repetition", dropped.repetition),
    ];
    for (kind, count) in kinds {
        counter!(DROPPED, "kind" => kind).increment(count);
    }
}

fn stop_reason(response: &SearchResponse) -> &'static str {
    use toolbeam_proto::v1::StopReason;
    match response.stop_reason() {
        StopReason::Unspecified => "unspecified",
        StopReason::Finished => "finished",
        StopReason::NoValidAnswer => "no_valid_answer",
        StopReason::Deadline => "deadline",
        StopReason::MaxRounds => "max_rounds",
        StopReason::MaxPolicyTokens => "max_policy_tokens",
        StopReason::MaxRewardTokens => "max_reward_tokens",
    }
}

fn failure(error: &GatewayError) -> &'static str {
    match error {
        GatewayError::Invalid(_) | GatewayError::Full { .. } | GatewayError::Models(_) => "refused",
        GatewayError::DeadlineExceeded => "deadline_exceeded",
        GatewayError::Cancelled => "cancelled",
        GatewayError::Port(_) | GatewayError::GoingDown | GatewayError::Start(_) | GatewayError::Lost(_) => {
            "failed"
        }
    }
}
