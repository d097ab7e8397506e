//! Tool choice, the most calls, and a policy that writes blocks, with real models.

use std::time::Duration;

use toolbeam_client::v1::tool_choice::{Choice, None as NoCall, Required};
use toolbeam_client::{Client, v1};
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;

use crate::bad_input::channel;
use crate::queries::{QUERIES, request, substance, text};
use crate::sandbox::{Node, hermes_folder, serve, toolbeam};

const DEADLINE: Duration = Duration::from_secs(60);

fn ruled(choice: Choice, max_calls: u32, deterministic: bool) -> v1::SearchRequest {
    let tool_choice = Some(v1::ToolChoice { choice: Some(choice) });
    v1::SearchRequest { tool_choice, max_calls, ..request(QUERIES[5], 3, deterministic) }
}

fn named(name: &str) -> Choice {
    Choice::Named(name.to_owned())
}

/// The names that each answer calls.
fn names(response: &v1::SearchResponse) -> Vec<Vec<&str>> {
    response.answers.iter().map(|answer| answer.calls.iter().map(|call| &*call.name).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_are_kept_to() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let search =
        async |choice, max_calls| client.search(ruled(choice, max_calls, true)).await.expect("a response");

    let none = search(Choice::None(NoCall {}), 0).await;
    assert_eq!(none.answers.iter().map(text).collect::<Vec<_>>(), ["[]"]);
    assert_eq!(none.usage.and_then(|usage| usage.policy).expect("told").decode_tokens, 0);

    for name in ["getWeather", "getStockPrice", "sendEmail"] {
        let response = search(named(name), 1).await;
        assert!(!response.answers.is_empty(), "{name}");
        assert!(names(&response).iter().all(|calls| calls == &[name]), "{name}: {:?}", names(&response));
        let first = response.answers[0].steps[0].clone();
        assert_eq!(first.step.expect("a step").name, name);
        assert!(first.reward.is_some(), "what was dictated is scored");
    }
    let required = search(Choice::Required(Required {}), 1).await;
    assert!(names(&required).iter().all(|calls| calls.len() == 1), "{:?}", names(&required));
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_that_dictate_give_equal_bits() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let search = async |deterministic| {
        client.search(ruled(named("getWeather"), 2, deterministic)).await.expect("a response")
    };
    let (first, again, cached) = (search(true).await, search(true).await, search(false).await);
    assert_eq!(substance(&first), substance(&again));
    let texts = |response: &v1::SearchResponse| response.answers.iter().map(text).collect::<Vec<_>>();
    assert_eq!(texts(&first), texts(&cached), "a cached prefix has the same tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dictated_has_the_tokens_that_the_policy_would_have_written() {
    let node = serve();
    let mut policy = PolicyServiceClient::new(channel(&node).await);
    let prompt = request(QUERIES[0], 0, true).prompt.expect("a prompt");
    let mut expand = async |beam: v1::PartialAnswer| {
        let inline = v1::prompt_ref::Ref::Inline(prompt.clone());
        let request = v1::ExpandRequest {
            prompt: Some(v1::PromptRef { r#ref: Some(inline) }),
            beams: vec![beam],
            expansions_per_beam: 1,
            sampling: Some(v1::Sampling { temperature: Some(0.0), ..Default::default() }),
            deterministic: true,
            ..Default::default()
        };
        let mut stream = policy.expand(request).await.expect("accepted").into_inner();
        let mut continuations = Vec::new();
        while let Some(message) = stream.message().await.expect("a message") {
            continuations.extend(message.continuations);
        }
        continuations.remove(0)
    };
    // The policy's own first step, up to the name's opening quote and from there.
    let own = expand(v1::PartialAnswer::default()).await;
    let dictated = b"[{\"name\": \"".to_vec();
    assert!(own.text.starts_with(&dictated), "{:?}", String::from_utf8_lossy(&own.text));
    let beam = |text: Vec<u8>, token_ids: Vec<u32>| v1::PartialAnswer {
        dictated_bytes: dictated.len() as u32,
        text,
        token_ids,
    };
    let rest = expand(beam(dictated.clone(), Vec::new())).await;
    assert_eq!([dictated.clone(), rest.text.clone()].concat(), own.text);
    assert!(own.token_ids.ends_with(&rest.token_ids), "{:?} and {:?}", own.token_ids, rest.token_ids);

    // The next step is the same to the bit, whoever wrote the beginning.
    let after_own = v1::PartialAnswer { token_ids: own.token_ids, ..Default::default() };
    let after_dictated = beam([dictated.clone(), rest.text].concat(), rest.token_ids);
    assert_eq!(expand(after_own).await, expand(after_dictated).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_repeats_itself_is_given_up_unless_the_caller_wants_it() {
    let node = serve();
    let mut policy = PolicyServiceClient::new(channel(&node).await);
    let prompt = request(QUERIES[1], 0, true).prompt.expect("a prompt");
    let endless =
        r#"[{"name": "sendEmail", "arguments": {"recipient": ""#.to_owned() + &"late late ".repeat(20);
    let mut expand = async |max_repetition_tokens: Option<u32>| {
        let inline = v1::prompt_ref::Ref::Inline(prompt.clone());
        let request = v1::ExpandRequest {
            prompt: Some(v1::PromptRef { r#ref: Some(inline) }),
            beams: vec![v1::PartialAnswer { text: endless.clone().into_bytes(), ..Default::default() }],
            expansions_per_beam: 1,
            sampling: Some(v1::Sampling {
                temperature: Some(0.0),
                max_repetition_tokens,
                ..Default::default()
            }),
            max_tokens: 100,
            ..Default::default()
        };
        let mut stream = policy.expand(request).await.expect("accepted").into_inner();
        let mut continuations = Vec::new();
        while let Some(message) = stream.message().await.expect("a message") {
            continuations.extend(message.continuations);
        }
        (continuations[0].finish_reason(), continuations[0].token_ids.len())
    };
    assert_eq!(expand(Some(12)).await, (v1::FinishReason::Repetition, 12));
    assert_eq!(expand(None).await, (v1::FinishReason::Repetition, 64));
    assert_eq!(expand(Some(0)).await, (v1::FinishReason::Length, 100));
}

#[test]
fn a_tokenizer_that_cannot_write_blocks_is_refused() {
    let folder = hermes_folder();
    let path = folder.path().join("tokenizer.json");
    let tokenizer = std::fs::read_to_string(&path).expect("it is text");
    assert!(tokenizer.contains("<FUNC_NAME>"), "the reference policy has the markers as special tokens");
    std::fs::write(&path, tokenizer.replace("<FUNC_NAME>", "<tool_call>")).expect("it is written");
    let mut command = toolbeam();
    command.args(["policy", "--listen", "127.0.0.1:0", "--threads", "1", "--model"]).arg(folder.path());
    let output = command.output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{error}");
    assert!(
        error.contains("toolbeam.json: answer_layout is hermes, but <tool_call> is a special token"),
        "{error}"
    );
    assert!(error.contains("in tokenizer.json"), "{error}");
}

/// What the reference policy writes by itself is text in a layout of blocks.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_can_say_that_its_policy_writes_blocks() {
    let folder = hermes_folder();
    let folder = folder.path().to_str().expect("text");
    let node = Node::start("serve", &["--listen", "127.0.0.1:0", "--threads", "1", "--policy-model", folder]);
    let client: Client = node.client(DEADLINE).await;
    let models = client.model_info().await.expect("both models are known");
    assert_eq!(models.policy.expect("a policy").answer_layout(), v1::AnswerLayout::Hermes);

    let said = client.search(request(QUERIES[0], 0, true)).await.expect("a response");
    let best = &said.answers[0];
    assert!(best.calls.is_empty() && best.content.starts_with("[{\"name\": "), "{best:?}");

    let called = client.search(ruled(named("getWeather"), 1, true)).await.expect("a response");
    let best = &called.answers[0];
    assert_eq!((best.calls.len(), best.content.as_str()), (1, ""));
    assert!(text(best).starts_with("<tool_call>\n{\"name\": \"getWeather\", \"arguments\":"), "{best:?}");
    assert!(text(best).ends_with("}\n</tool_call>"), "{best:?}");
}
