//! Requests that are wrong, at every service: one clear error that names the field, and service goes on.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Status};
use toolbeam_client::v1;
use toolbeam_client::v1::tool_choice::Choice;
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;
use toolbeam_proto::v1::scorer_service_client::ScorerServiceClient;

use crate::queries::{QUERIES, request};
use crate::raw;
use crate::sandbox::{Node, serve};

const DEADLINE: Duration = Duration::from_secs(60);

/// A change that makes a good request wrong, the field that is named, and words of the message.
type Case<'a, R> = (&'a dyn Fn(&mut R), &'a str, &'a str);

#[track_caller]
fn assert_refused(status: &Status, field: &str, words: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status:?}");
    assert!(status.message().starts_with(&format!("{field}: ")), "{field}: {status:?}");
    assert!(status.message().contains(words), "{field}: {words:?} is not in {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_searches_are_refused_by_field() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let deep = "[".repeat(10_000);
    let nested =
        format!(r#"{{"type": "object", "properties": {}1{}}}"#, r#"{"a": "#.repeat(100), "}".repeat(100));
    let cases: &[Case<v1::SearchRequest>] = &[
        (&|r| prompt(r).messages.clear(), "prompt.messages", "at least one"),
        (&|r| prompt(r).messages[0].role = 0, "prompt.messages[0].role", "use ROLE_"),
        (&|r| prompt(r).messages[0].role = 77, "prompt.messages[0].role", "use ROLE_"),
        (&|r| prompt(r).messages[0].content = "word ".repeat(4000), "prompt", "context holds"),
        (&|r| prompt(r).tools.clear(), "prompt.tools", "declare at least one"),
        (&|r| prompt(r).tools[1].name = "getWeather".into(), "prompt.tools[1].name", "its own name"),
        (&|r| prompt(r).tools[1].name.clear(), "prompt.tools[1].name", "name the function"),
        (&|r| prompt(r).tools[1].name = "x".repeat(1 << 20), "prompt.tools[1].name", "shorter"),
        (&|r| prompt(r).tools[1].parameters = "{".into(), "prompt.tools[1].parameters", "not JSON"),
        (&|r| prompt(r).tools[1].parameters = "7".into(), "prompt.tools[1].parameters", "neither"),
        (&|r| prompt(r).tools[1].parameters = deep.clone(), "prompt.tools[1].parameters", "recursion limit"),
        (&|r| prompt(r).tools[1].parameters = nested.clone(), "prompt.tools[1].parameters", "flatten"),
        (
            &|r| prompt(r).tools[1].parameters = r#"{"a": {"$ref": "http://x/y"}}"#.into(),
            "prompt.tools[1].parameters",
            "not followed",
        ),
        (&|r| r.search_id = "x".repeat(10_000), "search_id", "128 bytes"),
        (&|r| r.search_id = "a\u{7}".into(), "search_id", "control characters"),
        (&|r| r.strategy.get_or_insert_default().num_beams = Some(0), "strategy.num_beams", "1 to 64"),
        (&|r| r.strategy.get_or_insert_default().num_beams = Some(u32::MAX), "strategy.num_beams", "1 to 64"),
        (
            &|r| r.strategy.get_or_insert_default().expansions_per_beam = Some(u32::MAX),
            "strategy.expansions_per_beam",
            "1 to 256",
        ),
        (&|r| r.strategy.get_or_insert_default().kind = -9, "strategy.kind", "enum"),
        (&|r| sampling(r).temperature = Some(f32::NAN), "sampling.temperature", "finite"),
        (&|r| sampling(r).temperature = Some(f32::NEG_INFINITY), "sampling.temperature", "finite"),
        (&|r| sampling(r).top_p = Some(1.5), "sampling.top_p", "(0, 1]"),
        (&|r| duration(r, -1, 0), "limits.max_duration", "positive"),
        (&|r| duration(r, i64::MIN, i32::MIN), "limits.max_duration", "positive"),
        (&|r| r.num_answers = Some(u32::MAX), "num_answers", "1 to 64"),
        (&|r| choose(r, Choice::Named("nowhere".into())), "tool_choice.named", "no tool of the prompt"),
        (
            &|r| {
                choose(r, Choice::Required(v1::tool_choice::Required {}));
                prompt(r).tools.clear();
            },
            "prompt.tools",
            "declare at least one",
        ),
    ];
    for (change, field, words) in cases {
        let mut wrong = request(QUERIES[0], 0, false);
        change(&mut wrong);
        let error = client.search(wrong).await.expect_err(field);
        assert_eq!(error.code(), Code::InvalidArgument, "{field}: {error}");
        let fields: Vec<&str> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [*field], "{error}");
        assert!(error.to_string().contains(words), "{words:?}: {error}");
    }
    // Large is not wrong: the service's own limits hold.
    let mut large = request(QUERIES[0], 0, false);
    duration(&mut large, i64::MAX, 999_999_999);
    sampling(&mut large).top_k = u32::MAX;
    large.search_id = "x".repeat(128);
    large.limits.get_or_insert_default().max_step_tokens = u32::MAX;
    client.search(large).await.expect("service goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_expansions_are_refused_by_field() {
    let node = serve();
    let mut policy = PolicyServiceClient::new(channel(&node).await);
    let good = v1::ExpandRequest {
        prompt: Some(inline(request(QUERIES[0], 0, false))),
        beams: vec![v1::PartialAnswer::default()],
        expansions_per_beam: 2,
        ..Default::default()
    };
    let dictated = |text: &[u8], dictated_bytes: u32| v1::PartialAnswer {
        text: text.to_vec(),
        dictated_bytes,
        ..Default::default()
    };
    let cases: &[Case<v1::ExpandRequest>] = &[
        (&|r| r.search_id = "x".repeat(10_000), "search_id", "128 bytes"),
        (&|r| r.prompt = None, "prompt", "missing"),
        (&|r| r.prompt = Some(digest(31)), "prompt.digest", "a digest has 32"),
        (&|r| r.prompt = Some(digest(1 << 20)), "prompt.digest", "a digest has 32"),
        (&|r| inlined(r).tools[0].name.clear(), "prompt.inline.tools[0].name", "its own name"),
        (
            &|r| inlined(r).tools[0].parameters = "[".repeat(10_000),
            "prompt.inline.tools[0].parameters",
            "JSON",
        ),
        (&|r| inlined(r).messages[0].role = 9, "prompt.inline.messages[0].role", "role"),
        (&|r| inlined(r).messages[0].content = "word ".repeat(4000), "prompt", "context holds"),
        (
            &|r| inlined(r).messages = vec![v1::Message::default(); 5000],
            "prompt.inline.messages[0].role",
            "role",
        ),
        (&|r| r.beams.clear(), "beams", "1 to 1024"),
        (&|r| r.beams = vec![v1::PartialAnswer::default(); 1025], "beams", "1 to 1024"),
        (&|r| r.beams[0].token_ids = vec![u32::MAX], "beams[0].token_ids", "no token"),
        (&|r| r.beams[0].token_ids = vec![8192], "beams[0].token_ids", "no token"),
        (&|r| r.beams[0].text = b"[{]".to_vec(), "beams[0].text", "no unfinished answer"),
        (&|r| r.beams[0].text = vec![0xff], "beams[0].text", "UTF-8"),
        (&|r| r.beams[0] = dictated(b"[{", 3), "beams[0].dictated_bytes", "has 2 bytes"),
        (&|r| r.beams[0] = dictated(b"", u32::MAX), "beams[0].dictated_bytes", "has 0 bytes"),
        (&|r| r.beams[0] = dictated(b"[{\xc3\xa9", 3), "beams[0].dictated_bytes", "UTF-8"),
        (&|r| r.beams[0] = dictated(b"[{\"name\": \"f", 2), "beams[0].text", "what was dictated"),
        (&|r| r.beams[0] = dictated(b"[]", 2), "beams[0].text", "no unfinished answer"),
        (&|r| r.expansions_per_beam = 0, "expansions_per_beam", "1 to 16384"),
        (&|r| r.expansions_per_beam = u32::MAX, "expansions_per_beam", "1 to 16384"),
        (&|r| r.max_tokens = u32::MAX, "max_tokens", "limit"),
        (
            &|r| r.sampling = Some(v1::Sampling { top_p: Some(0.0), ..Default::default() }),
            "sampling.top_p",
            "above 0",
        ),
        (
            &|r| r.sampling = Some(v1::Sampling { temperature: Some(f32::INFINITY), ..Default::default() }),
            "sampling.temperature",
            "finite",
        ),
        (&|r| r.constraint = 99, "constraint", "known"),
        (&|r| r.stop_at = -1, "stop_at", "known"),
    ];
    for (change, field, words) in cases {
        let mut wrong = good.clone();
        change(&mut wrong);
        let status = policy.expand(wrong).await.expect_err(field);
        assert_refused(&status, field, words);
    }
    let mut pinned = good.clone();
    pinned.model_fingerprint = "x".repeat(1 << 20);
    let status = policy.expand(pinned).await.expect_err("another model was pinned");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let status = policy.release(v1::ReleaseRequest::default()).await.expect_err("no search is named");
    assert_refused(&status, "search_id", "name the search");
    policy.expand(good).await.expect("service goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_scores_are_refused_by_field() {
    let node = serve();
    let mut scorer = ScorerServiceClient::new(channel(&node).await);
    let step = |marker: v1::Marker, value: &str| v1::Step {
        marker: marker.into(),
        value: value.into(),
        ..Default::default()
    };
    let good = v1::ScoreRequest {
        prompt: Some(inline(request(QUERIES[0], 0, false))),
        answers: vec![v1::ParsedAnswer {
            steps: vec![step(v1::Marker::TotalFinish, "")],
            ..Default::default()
        }],
        ..Default::default()
    };
    let set = |r: &mut v1::ScoreRequest, marker: v1::Marker, value: &str| {
        r.answers[0].steps[0] = step(marker, value);
    };
    let (marker, value) = ("answers[0].steps[0].marker", "answers[0].steps[0].value");
    let cases: &[Case<v1::ScoreRequest>] = &[
        (&|r| r.search_id = "\n".into(), "search_id", "control characters"),
        (&|r| r.prompt = None, "prompt", "missing"),
        (&|r| r.prompt = Some(digest(0)), "prompt.digest", "a digest has 32"),
        (&|r| r.answers.clear(), "answers", "1 to 1024"),
        (&|r| r.answers = vec![v1::ParsedAnswer::default(); 1025], "answers", "1 to 1024"),
        (&|r| set(r, v1::Marker::Unspecified, ""), marker, "kind of the step"),
        (&|r| r.answers[0].steps[0].marker = 77, marker, "kind of the step"),
        (&|r| set(r, v1::Marker::ArgValue, "{"), value, "not JSON"),
        (&|r| set(r, v1::Marker::ArgValue, "1e999"), value, "not JSON"),
        (&|r| set(r, v1::Marker::ArgValue, &"[".repeat(10_000)), value, "not JSON"),
        (&|r| set(r, v1::Marker::FuncFinish, ""), marker, "cannot follow"),
        (
            &|r| r.answers[0].steps.push(step(v1::Marker::FuncName, "")),
            "answers[0].steps[1].marker",
            "cannot follow",
        ),
        (&|r| r.answers[0].first_step = 2, "answers[0].first_step", "1 steps"),
        (&|r| r.answers[0].first_step = u32::MAX, "answers[0].first_step", "1 steps"),
    ];
    for (change, field, words) in cases {
        let mut wrong = good.clone();
        change(&mut wrong);
        let status = scorer.score(wrong).await.expect_err(field);
        assert_refused(&status, field, words);
    }
    let status = scorer.release(v1::ReleaseRequest::default()).await.expect_err("no search is named");
    assert_refused(&status, "search_id", "name the search");
    let mut long = good.clone();
    set(&mut long, v1::Marker::ArgValue, &format!("\"{}\"", "word ".repeat(4000)));
    long.answers.push(good.answers[0].clone());
    let answers = scorer.score(long).await.expect("one of two answers fits").into_inner().answers;
    assert!(answers[0].over_context && answers[0].rewards[0].reward.is_none(), "{answers:?}");
    assert!(!answers[1].over_context && answers[1].rewards[0].reward.is_some(), "{answers:?}");
    let mut nothing = good.clone();
    nothing.answers[0].steps.clear();
    scorer.score(nothing).await.expect("no step, no reward");
    scorer.score(good).await.expect("service goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_the_callers_mistake() {
    let node = serve();
    let channel = channel(&node).await;
    const SEARCH: &str = "/toolbeam.v1.SearchService/Search";
    const EXPAND: &str = "/toolbeam.v1.PolicyService/Expand";
    const SCORE: &str = "/toolbeam.v1.ScorerService/Score";
    for method in [SEARCH, EXPAND, SCORE, "/toolbeam.v1.SearchService/CancelSearch"] {
        // Field 1 of each, the search's id, with a byte that is in no UTF-8.
        let status = raw::call(&channel, method, vec![0x0a, 1, 0xff]).await.expect_err(method);
        assert_refused(&status, "search_id", "UTF-8");
        let status = raw::call(&channel, method, vec![0x0a, 100]).await.expect_err(method);
        assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
        let status = raw::call(&channel, method, vec![0; 17 << 20]).await.expect_err(method);
        assert_refused(&status, "request", "too large");
    }
    // prompt.messages.content: an inner field is named by its path.
    let inner = vec![0x12, 5, 0x0a, 3, 0x12, 1, 0xff];
    let status = raw::call(&channel, SEARCH, inner).await.expect_err("no UTF-8");
    assert_refused(&status, "prompt.messages.content", "UTF-8");
    let client = node.client(DEADLINE).await;
    client.search(request(QUERIES[0], 0, false)).await.expect("service goes on");
}

pub(crate) async fn channel(node: &Node) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", node.address)).expect("an address");
    endpoint.connect().await.expect("it listens")
}

fn prompt(request: &mut v1::SearchRequest) -> &mut v1::Prompt {
    request.prompt.as_mut().expect("a prompt")
}

fn choose(request: &mut v1::SearchRequest, choice: Choice) {
    request.tool_choice = Some(v1::ToolChoice { choice: Some(choice) });
}

fn sampling(request: &mut v1::SearchRequest) -> &mut v1::Sampling {
    request.sampling.get_or_insert_default()
}

fn duration(request: &mut v1::SearchRequest, seconds: i64, nanos: i32) {
    let limits = request.limits.get_or_insert_default();
    limits.max_duration = Some(prost_types::Duration { seconds, nanos });
}

fn inline(request: v1::SearchRequest) -> v1::PromptRef {
    v1::PromptRef { r#ref: request.prompt.map(v1::prompt_ref::Ref::Inline) }
}

fn digest(bytes: usize) -> v1::PromptRef {
    v1::PromptRef { r#ref: Some(v1::prompt_ref::Ref::Digest(vec![7; bytes])) }
}

fn inlined(request: &mut v1::ExpandRequest) -> &mut v1::Prompt {
    match request.prompt.as_mut().and_then(|prompt| prompt.r#ref.as_mut()) {
        Some(v1::prompt_ref::Ref::Inline(prompt)) => prompt,
        _ => panic!("the good request has its prompt inline"),
    }
}
