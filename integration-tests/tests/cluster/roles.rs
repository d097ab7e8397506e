//! The same answers from one process and from three.

use std::time::Duration;

use toolbeam_client::v1;

use crate::queries::{QUERIES, request, substance};
use crate::sandbox::{Cluster, serve};

const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_answer_as_one_process_does() {
    let (one, three) = (serve(), Cluster::start());
    let (one, gateway) = (one.client(DEADLINE).await, three.gateway.client(DEADLINE).await);
    let mut answered = 0;
    for (seed, query) in QUERIES.iter().enumerate() {
        let request = request(query, seed as u64, true);
        let here = one.search(request.clone()).await.expect("one process answers");
        let there = gateway.search(request).await.expect("three processes answer");
        assert_eq!(substance(&here), substance(&there), "{query}");
        assert_eq!(here.model_fingerprints, there.model_fingerprints);
        answered += here.answers.len();
    }
    assert!(answered > 0, "at least some queries have an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_is_healthy_and_says_what_it_serves() {
    let cluster = Cluster::start();
    for node in [&cluster.policy, &cluster.scorer, &cluster.gateway] {
        let client = node.client(DEADLINE).await;
        // A gateway is ready once the others have answered it.
        let mut tries = 0;
        while !client.is_serving().await.expect("health is served") {
            tries += 1;
            assert!(tries < 100, "{} is never ready", node.address);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let models = cluster.gateway.client(DEADLINE).await.model_info().await.expect("both models are known");
    let (policy, scorer) = (models.policy.expect("a policy"), models.scorer.expect("a scorer"));
    assert_eq!(
        (policy.architecture.as_str(), policy.answer_layout()),
        ("Qwen2ForCausalLM", v1::AnswerLayout::JsonList)
    );
    assert_eq!((scorer.reward_kind(), scorer.markers.len()), (v1::RewardKind::Toolprm, 5));
    assert_ne!(policy.model_fingerprint, scorer.model_fingerprint);
    assert!(policy.parameters > 7_000_000);
}
