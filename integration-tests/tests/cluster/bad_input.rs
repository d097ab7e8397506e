//! Requests that are wrong, at every service: one clear error that names the field, and service goes on.

use std::time::Duration;

use tonic::transport::Channel;
use toolbeam_client::{Code, v1};
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;
use toolbeam_proto::v1::scorer_service_client::ScorerServiceClient;

use crate::queries::{QUERIES, request};
use crate::sandbox::{Node, serve};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_by_field_and_nothing_else_is_disturbed() {
    let node = serve();
    searches(&node).await;
    expands(&node).await;
    scores(&node).await;
    let client = node.client(Duration::from_secs(60)).await;
    client.search(request(QUERIES[0], 0, false)).await.expect("service goes on");
}

async fn searches(node: &Node) {
    let client = node.client(Duration::from_secs(60)).await;
    let check = async |change: &dyn Fn(&mut v1::SearchRequest), field: &str| {
        let mut wrong = request(QUERIES[0], 0, false);
        change(&mut wrong);
        let error = client.search(wrong).await.expect_err(field);
        assert_eq!(error.code(), Code::InvalidArgument, "{field}: {error}");
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [field], "{error}");
    };
    check(&|r| r.prompt.as_mut().expect("a prompt").tools.clear(), "prompt.tools").await;
    check(
        &|r| r.prompt.as_mut().expect("a prompt").tools[1].parameters = "{".into(),
        "prompt.tools[1].parameters",
    )
    .await;
    check(
        &|r| r.prompt.as_mut().expect("a prompt").tools[1].name = "getWeather".into(),
        "prompt.tools[1].name",
    )
    .await;
    check(&|r| r.strategy.as_mut().expect("a strategy").num_beams = Some(0), "strategy.num_beams").await;
    let hot = v1::Sampling { temperature: Some(f32::NAN), ..Default::default() };
    check(&|r| r.sampling = Some(hot), "sampling.temperature").await;
    check(&|r| r.prompt.as_mut().expect("a prompt").messages[0].content = "word ".repeat(4000), "prompt")
        .await;
}

async fn expands(node: &Node) {
    let mut policy = PolicyServiceClient::new(channel(node).await);
    let good = v1::ExpandRequest {
        prompt: Some(inline(request(QUERIES[0], 0, false))),
        beams: vec![v1::PartialAnswer::default()],
        expansions_per_beam: 2,
        ..Default::default()
    };
    let mut check = async |change: &dyn Fn(&mut v1::ExpandRequest), field: &str| {
        let mut wrong = good.clone();
        change(&mut wrong);
        let error = policy.expand(wrong).await.expect_err(field);
        assert_eq!(error.code(), Code::InvalidArgument, "{field}: {error}");
        assert!(error.message().starts_with(&format!("{field}: ")), "{field}: {error}");
    };
    check(&|r| r.beams.clear(), "beams").await;
    check(&|r| r.beams[0].token_ids = vec![u32::MAX], "beams[0].token_ids").await;
    check(&|r| r.beams[0].text = b"[{]".to_vec(), "beams[0].text").await;
    check(&|r| r.beams[0].text = vec![0xff], "beams[0].text").await;
    let dictated = |text: &[u8], dictated_bytes: u32| v1::PartialAnswer {
        text: text.to_vec(),
        dictated_bytes,
        ..Default::default()
    };
    check(&|r| r.beams[0] = dictated(b"[{", 3), "beams[0].dictated_bytes").await;
    check(&|r| r.beams[0] = dictated(b"", u32::MAX), "beams[0].dictated_bytes").await;
    check(&|r| r.beams[0] = dictated(b"[{\xc3\xa9", 3), "beams[0].dictated_bytes").await;
    check(&|r| r.beams[0] = dictated(b"[{\"name\": \"f", 2), "beams[0].text").await;
    check(&|r| r.beams[0] = dictated(b"[]", 2), "beams[0].text").await;
    check(&|r| r.expansions_per_beam = 0, "expansions_per_beam").await;
    check(&|r| r.max_tokens = 1_000_000, "max_tokens").await;
    check(&|r| r.prompt = None, "prompt").await;
    let below = v1::Sampling { top_p: Some(0.0), ..Default::default() };
    check(&|r| r.sampling = Some(below), "sampling.top_p").await;

    let mut pinned = good.clone();
    pinned.model_fingerprint = "another".into();
    let error = policy.expand(pinned).await.expect_err("another model was pinned");
    assert_eq!(error.code(), Code::FailedPrecondition);
}

async fn scores(node: &Node) {
    let mut scorer = ScorerServiceClient::new(channel(node).await);
    let step = |marker: v1::Marker, value: &str| v1::Step {
        marker: marker.into(),
        value: value.into(),
        ..Default::default()
    };
    let mut check = async |steps: Vec<v1::Step>, first_step: u32, field: &str| {
        let wrong = v1::ScoreRequest {
            prompt: Some(inline(request(QUERIES[0], 0, false))),
            answers: vec![v1::ParsedAnswer { steps, first_step, text: Vec::new() }],
            ..Default::default()
        };
        let error = scorer.score(wrong).await.expect_err(field);
        assert_eq!(error.code(), Code::InvalidArgument, "{field}: {error}");
        assert!(error.message().starts_with(&format!("{field}: ")), "{field}: {error}");
    };
    check(vec![step(v1::Marker::Unspecified, "")], 0, "answers[0].steps[0].marker").await;
    check(vec![step(v1::Marker::ArgValue, "{")], 0, "answers[0].steps[0].value").await;
    check(vec![step(v1::Marker::FuncFinish, "")], 0, "answers[0].steps[0].marker").await;
    check(vec![step(v1::Marker::FuncName, "")], 2, "answers[0].first_step").await;
}

pub(crate) async fn channel(node: &Node) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", node.address)).expect("an address");
    endpoint.connect().await.expect("it listens")
}

fn inline(request: v1::SearchRequest) -> v1::PromptRef {
    v1::PromptRef { r#ref: request.prompt.map(v1::prompt_ref::Ref::Inline) }
}
