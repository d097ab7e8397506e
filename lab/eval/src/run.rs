//! Asks a Toolbeam and judges its answers.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use toolbeam_client::{Client, v1};
use toolbeam_grammar::Call;

use crate::report::Report;
use crate::suite::Record;

/// One record's outcome.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The record's id.
    pub id: String,
    /// The calls of the best answer; empty as well if there is none.
    pub calls: Vec<Call>,
    /// How they compare with the gold calls.
    pub verdict: Verdict,
    /// Wall time of the request as the client saw it.
    pub elapsed: Duration,
    /// Tokens that the policy decoded, the prompt left out.
    pub policy_tokens: u64,
    /// Tokens of answers that the reward model computed, markers included.
    pub reward_tokens: u64,
}

/// How the best answer compares with the gold calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Right by [`Gold::accepts`](crate::Gold::accepts).
    Exact,
    /// Right only by [`Gold::accepts_as_text`](crate::Gold::accepts_as_text).
    ExactText,
    /// Not right.
    Wrong,
    /// The search ended without a valid answer, which is not right either.
    NoValidAnswer,
    /// There was no reply, or one that is not to the contract; in words.
    Failed(String),
}

/// Searches every record, `concurrency` at a time, and judges the best answer of each. `template` is
/// the request but for the prompt; see [`Record::request`].
///
/// `on_result` is called once for each record, as it is done. Nothing is tried twice: a failure is
/// listed in the report and counts in its total.
pub async fn run(
    client: &Client,
    records: &[Record],
    template: &v1::SearchRequest,
    concurrency: NonZeroUsize,
    mut on_result: impl FnMut(&Judged),
) -> Report {
    let searches = records.iter().enumerate().map(async |(index, record)| {
        let began = Instant::now();
        let reply = client.search(record.request(template)).await;
        (index, judge(record, reply.map_err(|error| error.to_string()), began.elapsed()))
    });
    let mut searches = stream::iter(searches).buffer_unordered(concurrency.get());
    let mut done = Vec::with_capacity(records.len());
    while let Some((index, judged)) = searches.next().await {
        on_result(&judged);
        done.push((index, judged));
    }
    done.sort_unstable_by_key(|(index, _)| *index);
    Report::of(done.into_iter().map(|(_, judged)| judged))
}

fn judge(record: &Record, reply: Result<v1::SearchResponse, String>, elapsed: Duration) -> Judged {
    let mut judged = Judged {
        id: record.id.clone(),
        calls: Vec::new(),
        verdict: Verdict::NoValidAnswer,
        elapsed,
        policy_tokens: 0,
        reward_tokens: 0,
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(message) => return Judged { verdict: Verdict::Failed(message), ..judged },
    };
    let usage = reply.usage.unwrap_or_default();
    judged.policy_tokens = usage.policy.unwrap_or_default().decode_tokens;
    judged.reward_tokens = usage.reward.unwrap_or_default().answer_tokens;
    if let Some(answer) = reply.answers.first() {
        let calls = answer.calls.iter().map(|call| {
            Call::from_json(call.name.as_str(), &call.arguments)
                .map_err(|error| format!("the reply's arguments of {}: {error}", call.name))
        });
        match calls.collect::<Result<Vec<Call>, String>>() {
            Ok(calls) => {
                judged.verdict = compare(record, &calls);
                judged.calls = calls;
            }
            Err(message) => judged.verdict = Verdict::Failed(message),
        }
    }
    judged
}

fn compare(record: &Record, calls: &[Call]) -> Verdict {
    if record.gold.accepts(calls) {
        Verdict::Exact
    } else if record.gold.accepts_as_text(calls) {
        Verdict::ExactText
    } else {
        Verdict::Wrong
    }
}
