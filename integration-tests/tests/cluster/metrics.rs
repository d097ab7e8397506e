//! Metrics, as Prometheus fetches them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use toolbeam_client::v1;

use crate::queries::{QUERIES, request};
use crate::sandbox::Node;

const DEADLINE: Duration = Duration::from_secs(60);

/// A process of this role with metrics, and where they are.
fn start(role: &str, args: &[&str]) -> (Node, String) {
    // Free a moment ago, which the tests of one machine can live with.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a free port").to_string();
    let args = [&["--listen", "127.0.0.1:0", "--metrics-listen", &address], args].concat();
    (Node::start(role, &args), address)
}

fn scrape(address: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("sent");
    let mut response = String::new();
    connection.read_to_string(&mut response).expect("text");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    response
}

/// The sum of a metric's values over the series whose labels hold all of these.
fn value(scraped: &str, name: &str, labels: &[&str]) -> f64 {
    let series: Vec<f64> = scraped
        .lines()
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let of_name = series.split('{').next() == Some(name);
            (of_name && labels.iter().all(|label| series.contains(label))).then(|| value.parse().ok())?
        })
        .collect();
    assert!(!series.is_empty(), "no {name} {labels:?} in {scraped}");
    series.iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_searches_cost_is_there_for_prometheus() {
    let (node, address) = start("serve", &["--threads", "1"]);
    let before = scrape(&address);
    let client = node.client(DEADLINE).await;
    let mut policy = v1::PolicyUsage::default();
    let mut reward = v1::RewardUsage::default();
    let mut dropped = 0;
    for (seed, query) in QUERIES.iter().enumerate() {
        let usage = client.search(request(query, seed as u64, false)).await.expect("a response").usage;
        let usage = usage.expect("told");
        let kinds = usage.dropped.expect("told");
        dropped += kinds.invalid + kinds.ended + kinds.length + kinds.schema_invalid + kinds.repetition;
        let (p, r) = (usage.policy.expect("told"), usage.reward.expect("told"));
        policy.prompt_tokens += p.prompt_tokens;
        policy.decode_tokens += p.decode_tokens;
        policy.distinct_tokens += p.distinct_tokens;
        policy.shared_rows += p.shared_rows;
        reward.prompt_tokens += r.prompt_tokens;
        reward.answer_tokens += r.answer_tokens;
        reward.distinct_tokens += r.distinct_tokens;
    }
    client.search(v1::SearchRequest::default()).await.expect_err("it has no prompt");
    let after = scrape(&address);
    // What was pruned away is in the metrics, and in no response.
    let check = |name: &str, labels: &[&str], least: u64| {
        let counted = value(&after, name, labels) - value(&before, name, labels);
        assert!(least > 0 && counted >= least as f64, "{name} {labels:?}: {counted}, at least {least}");
    };
    let (writes, judges) = (r#"model="toolbeam-reference-policy""#, r#"model="toolbeam-reference-toolprm""#);
    check("toolbeam_tokens_computed_total", &[writes, r#"phase="prefill""#], policy.prompt_tokens);
    check("toolbeam_tokens_computed_total", &[writes, r#"phase="decode""#], policy.decode_tokens);
    check("toolbeam_tokens_computed_total", &[judges, r#"phase="prefill""#], reward.prompt_tokens);
    check("toolbeam_tokens_computed_total", &[judges, r#"phase="read""#], reward.answer_tokens);
    check("toolbeam_tokens_distinct_total", &[writes], policy.distinct_tokens);
    check("toolbeam_tokens_distinct_total", &[judges], reward.distinct_tokens);
    check("toolbeam_tokens_cached_total", &[writes], 1);
    check("toolbeam_rows_shared_total", &[writes], policy.shared_rows);
    check("toolbeam_passes_total", &[judges], QUERIES.len() as u64);
    for model in [writes, judges] {
        let passes = value(&after, "toolbeam_passes_total", &[model]);
        assert_eq!(value(&after, "toolbeam_pass_tokens_count", &[model]), passes);
        assert_eq!(value(&after, "toolbeam_pass_duration_seconds_count", &[model]), passes);
        assert_eq!(
            value(&after, "toolbeam_pass_tokens_sum", &[model]),
            value(&after, "toolbeam_tokens_computed_total", &[model])
        );
        let (used, slots) =
            (value(&after, "toolbeam_kv_slots_used", &[model]), value(&after, "toolbeam_kv_slots", &[model]));
        assert!(0.0 < used && used < slots, "{used} of {slots}");
        assert_eq!(value(&after, "toolbeam_requests_waiting", &[model]), 0.0);
        assert_eq!(value(&after, "toolbeam_requests_running", &[model]), 0.0);
    }
    let searches = |reason: &str| value(&after, "toolbeam_searches_total", &[reason]);
    assert_eq!(searches("stop_reason="), QUERIES.len() as f64 + 1.0);
    assert_eq!(searches(r#"stop_reason="refused""#), 1.0);
    assert_eq!(value(&after, "toolbeam_expansions_dropped_total", &["kind="]), dropped as f64);
    assert!(value(&after, "toolbeam_search_duration_seconds_sum", &[]) > 0.0);
    assert_eq!(value(&after, "toolbeam_searches_in_flight", &[]), 0.0);
    for line in ["# HELP toolbeam_passes_total ", "# TYPE toolbeam_pass_duration_seconds histogram"] {
        assert!(after.contains(line), "{line} is not in {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_has_metrics_of_its_own() {
    let (_scorer, metrics) = start("scorer", &["--threads", "1"]);
    // The warm-up has computed.
    assert!(value(&scrape(&metrics), "toolbeam_tokens_computed_total", &["read"]) > 0.0);
    let (_policy, metrics) = start("policy", &["--threads", "1"]);
    assert!(value(&scrape(&metrics), "toolbeam_kv_slots", &["toolbeam-reference-policy"]) > 0.0);
    let (_gateway, metrics) = start("gateway", &["--policy", "127.0.0.1:1", "--scorer", "127.0.0.1:1"]);
    assert_eq!(value(&scrape(&metrics), "toolbeam_searches_in_flight", &[]), 0.0);
}
