//! What came of one record: a line of a run's results.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toolbeam_client::v1;
use toolbeam_grammar::Call;

use crate::source::one_line;
use crate::suite::Record;

/// A record's outcome, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// The record's id in its set.
    pub id: String,
    /// Its category.
    pub category: String,
    /// The calls of the best answer; nothing if there is no valid answer, or no reply.
    pub calls: Option<Vec<OutcomeCall>>,
    /// The answer's reward, if it was scored.
    pub reward: Option<f32>,
    /// Why the answer is not right; nothing if it is. See [`Gold::fault`](crate::Gold::fault).
    pub fault: Option<String>,
    /// Why there is no reply, in words.
    pub failed: Option<String>,
    /// Wall time of the request as the client saw it, in milliseconds.
    pub milliseconds: f64,
    /// Tokens of the prompt that the policy computed.
    pub prompt_tokens: u64,
    /// Tokens behind it that the policy computed.
    pub policy_tokens: u64,
    /// Tokens of answers that the reward model computed.
    pub reward_tokens: u64,
    /// Rounds of the search.
    pub rounds: u32,
}

/// A call as it is kept: its arguments as JSON, in the order in which they were generated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutcomeCall {
    /// The function's name.
    pub name: String,
    /// A JSON object.
    pub arguments: Box<RawValue>,
}

impl Outcome {
    /// What a reply is worth beside a record's gold.
    pub(super) fn of(
        record: &Record,
        reply: Result<v1::SearchResponse, String>,
        milliseconds: f64,
    ) -> Outcome {
        let mut outcome = Outcome {
            id: record.id.clone(),
            category: record.category.clone(),
            calls: None,
            reward: None,
            fault: None,
            failed: None,
            milliseconds,
            prompt_tokens: 0,
            policy_tokens: 0,
            reward_tokens: 0,
            rounds: 0,
        };
        if let Err(message) = reply.and_then(|reply| outcome.read(record, reply)) {
            outcome.fault = Some("failed".to_owned());
            outcome.failed = Some(message);
        }
        outcome
    }

    /// The calls, if there are any and they can be read.
    pub(crate) fn read_calls(&self) -> Option<Vec<Call>> {
        let calls = self.calls.as_ref()?.iter();
        calls.map(|call| Call::from_json(call.name.as_str(), call.arguments.get()).ok()).collect()
    }

    fn read(&mut self, record: &Record, reply: v1::SearchResponse) -> Result<(), String> {
        let usage = reply.usage.unwrap_or_default();
        let (policy, reward) = (usage.policy.unwrap_or_default(), usage.reward.unwrap_or_default());
        (self.prompt_tokens, self.policy_tokens) = (policy.prompt_tokens, policy.decode_tokens);
        (self.reward_tokens, self.rounds) = (reward.answer_tokens, usage.rounds);
        let Some(answer) = reply.answers.into_iter().next() else {
            self.fault = record.gold.fault(None);
            return Ok(());
        };
        self.reward = answer.reward;
        let broken = |name: &str, error: String| format!("the reply's arguments of {name}: {error}");
        let calls = answer.calls.iter().map(|call| {
            Call::from_json(call.name.as_str(), &call.arguments)
                .map_err(|error| broken(&call.name, error.to_string()))
        });
        self.fault = record.gold.fault(Some(&calls.collect::<Result<Vec<_>, _>>()?));
        let calls = answer.calls.into_iter().map(|call| {
            let arguments = one_line(call.arguments);
            let arguments = arguments.map_err(|error| broken(&call.name, error.to_string()))?;
            Ok(OutcomeCall { name: call.name, arguments })
        });
        self.calls = Some(calls.collect::<Result<_, String>>()?);
        Ok(())
    }
}
