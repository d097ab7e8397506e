//! The same answers from one process and from three.

use std::path::Path;
use std::time::Duration;

use toolbeam_client::{Code, v1};

use crate::queries::{QUERIES, request, substance};
use crate::sandbox::{Cluster, Node, serve};

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

/// The reference ToolPRM's weights, served as coarser models: rewards at their own markers, and no
/// search by steps with a model that judges whole answers only.
#[tokio::test(flavor = "multi_thread")]
async fn coarser_reward_models_say_what_they_judge_and_judge_nothing_else() {
    let check = async |kind: &str, expected: v1::RewardKind, strategy: v1::StrategyKind| {
        let scorer = coarser(kind);
        let args = ["--listen", "127.0.0.1:0", "--threads", "1", "--scorer-model"];
        let path = scorer.path().to_str().expect("UTF-8");
        let node = Node::start("serve", &[&args[..], &[path]].concat());
        let client = node.client(DEADLINE).await;
        let info = client.model_info().await.expect("known").scorer.expect("a scorer");
        assert_eq!(info.reward_kind(), expected);
        let mut request = request(QUERIES[0], 0, true);
        request.trace = true;
        request.strategy.get_or_insert_default().kind = strategy.into();
        let markers: Vec<v1::Marker> = info.markers().collect();
        client.search(request).await.map(|response| (response, markers))
    };
    let beam = v1::StrategyKind::FineGrainedBeam;
    let (response, markers) = check("c_prm", v1::RewardKind::CPrm, beam).await.expect("it searches");
    let judged: Vec<v1::JudgedStep> = response.answers.into_iter().flat_map(|answer| answer.steps).collect();
    assert!(!judged.is_empty(), "there is an answer");
    for v1::JudgedStep { step, reward } in judged {
        assert_eq!(reward.is_some(), markers.contains(&step.expect("a step").marker()));
    }
    let refused = check("orm", v1::RewardKind::Orm, beam).await.expect_err("it has no steps");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    let greedy = v1::StrategyKind::Greedy;
    let (_, markers) = check("orm", v1::RewardKind::Orm, greedy).await.expect("one answer needs no steps");
    assert_eq!(markers, [v1::Marker::TotalFinish]);
}

/// The reference ToolPRM's folder with another kind.
fn coarser(kind: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference/toolprm");
    for entry in std::fs::read_dir(reference).expect("part of the repository") {
        let file = entry.expect("readable").path();
        std::fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    let profile = format!(r#"{{"reward": {{"kind": "{kind}"}}}}"#);
    std::fs::write(folder.path().join("toolbeam.json"), profile).expect("written");
    folder
}
