//! How much of the work is wasted, over whole searches.

use std::time::Duration;

use serde_json::Value;
use toolbeam_client::v1;

use crate::sandbox::serve;

const DEADLINE: Duration = Duration::from_secs(120);

/// Tokens computed over distinct tokens.
const MOST_WASTE: f64 = 1.05;

/// The queries that ship with Toolbeam, searched with N = 4 and M = 8.
fn requests(deterministic: bool) -> Vec<v1::SearchRequest> {
    let text = include_str!("../../../services/cli/demo/queries.json");
    let queries: Vec<Value> = serde_json::from_str(text).expect("the demo's queries");
    let request = |query: &Value| {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let tool = |tool: &Value| v1::Tool {
            name: text(&tool["name"]),
            description: text(&tool["description"]),
            parameters: tool["parameters"].to_string(),
        };
        let content = text(&query["query"]);
        let message = v1::Message { role: v1::Role::User.into(), content, ..Default::default() };
        v1::SearchRequest {
            prompt: Some(v1::Prompt {
                messages: vec![message],
                tools: query["tools"].as_array().expect("tools").iter().map(tool).collect(),
            }),
            strategy: Some(v1::Strategy {
                num_beams: Some(4),
                expansions_per_beam: Some(8),
                ..Default::default()
            }),
            deterministic,
            ..Default::default()
        }
    };
    queries.iter().map(request).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_distinct_token_is_computed_about_once() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    for request in requests(false) {
        let usage = client.search(request).await.expect("a response").usage.expect("told");
        let (policy, reward) = (usage.policy.expect("told"), usage.reward.expect("told"));
        println!("{policy:?} {:?}\n{reward:?} {:?}", usage.policy_waste_ratio, usage.reward_waste_ratio);
        for ratio in [usage.policy_waste_ratio, usage.reward_waste_ratio] {
            let ratio = ratio.expect("tokens were counted");
            assert!(0.0 < ratio && ratio <= MOST_WASTE, "{usage:?}");
        }
        assert!(policy.shared_rows > 0 && policy.shared_rows < policy.sampled_tokens, "{policy:?}");
        // What the policy drew last of each continuation is distinct, and is not computed.
        assert!(policy.prompt_tokens + policy.decode_tokens < policy.distinct_tokens, "{policy:?}");
    }
}

/// Answers are computed anew each round, and the counters say so.
#[tokio::test(flavor = "multi_thread")]
async fn deterministic_searches_show_what_they_cost() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let request = requests(true).swap_remove(0);
    let exact = client.search(request.clone()).await.expect("a response").usage.expect("told");
    let shared = v1::SearchRequest { deterministic: false, ..request };
    let shared = client.search(shared).await.expect("a response").usage.expect("told");
    println!("{exact:?}\n{shared:?}");
    assert!(exact.policy_waste_ratio > shared.policy_waste_ratio);
    assert!(exact.reward_waste_ratio > Some(MOST_WASTE), "{exact:?}");
}
