//! What a policy may write, held to syntax and to schemas, with real models.

use std::time::Duration;

use toolbeam_client::{ClientError, Code, v1};

use crate::queries::{QUERIES, request, substance, text};
use crate::sandbox::{Node, hermes_folder, serve};

const DEADLINE: Duration = Duration::from_secs(60);

/// A search so hot that the policy writes nonsense where it may.
fn hot(query: &str, seed: u64, constraint: v1::Constraint) -> v1::SearchRequest {
    v1::SearchRequest {
        constraint: constraint.into(),
        validation: v1::Validation::Schema.into(),
        sampling: Some(v1::Sampling { temperature: Some(1.5), ..Default::default() }),
        ..request(query, seed, false)
    }
}

/// The parameters of the first tool, replaced.
fn with_parameters(mut request: v1::SearchRequest, parameters: &str) -> v1::SearchRequest {
    if let Some(prompt) = &mut request.prompt {
        prompt.tools[0].parameters = parameters.into();
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_drawn_is_allowed() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let enumerated = r##"{"type": "object", "properties": {"city": {"enum": ["Oslo", "Lima"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7}, "place": {"$ref": "#/$defs/place"}},
        "required": ["city"], "$defs": {"place": {"enum": ["in", "out"]}}}"##;
    let (mut nonsense, mut left) = (0, 0);
    for (seed, query) in QUERIES.into_iter().take(4).enumerate().map(|(at, query)| (at as u64, query)) {
        let search = async |constraint| {
            let request = with_parameters(hot(query, seed, constraint), enumerated);
            client.search(request).await.expect("a response")
        };
        let dropped =
            |response: &v1::SearchResponse| response.usage.and_then(|usage| usage.dropped).expect("told");
        let held = search(v1::Constraint::Schema).await;
        let lost = dropped(&held);
        assert_eq!((lost.invalid, lost.ended, lost.schema_invalid), (0, 0, 0), "{query} {lost:?}");
        let syntax = dropped(&search(v1::Constraint::Syntax).await);
        assert_eq!(syntax.ended, 0, "{query} {syntax:?}");
        left += syntax.invalid;
        let free = dropped(&search(v1::Constraint::Off).await);
        nonsense += free.invalid + free.schema_invalid;
    }
    // What syntax leaves is numbers beyond every float, which the grammar of JSON has.
    assert!(nonsense > left, "{nonsense} without a constraint, {left} held to syntax");
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_give_equal_bits_and_dictated_beginnings_are_kept() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let named = v1::tool_choice::Choice::Named("sendEmail".into());
    let asked = v1::SearchRequest {
        deterministic: true,
        tool_choice: Some(v1::ToolChoice { choice: Some(named) }),
        ..hot(QUERIES[1], 5, v1::Constraint::Schema)
    };
    let first = client.search(asked.clone()).await.expect("a response");
    let again = client.search(asked).await.expect("a response");
    assert_eq!(substance(&first), substance(&again));
    let begins = r#"[{"name": "sendEmail", "arguments": {"recipient": ""#;
    assert!(first.answers.iter().all(|answer| text(answer).starts_with(begins)), "{:?}", first.answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_cannot_be_expressed_is_named_or_let_go() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let unique = r#"{"type": "object", "properties": {"city": {"type": "array", "uniqueItems": true}}}"#;
    let asked = with_parameters(hot(QUERIES[0], 0, v1::Constraint::Schema), unique);
    let Err(ClientError::Refused { code, violations, .. }) = client.search(asked.clone()).await else {
        panic!("it was accepted");
    };
    assert_eq!((code, violations.len()), (Code::InvalidArgument, 1));
    assert_eq!(violations[0].field, "prompt.tools[0].parameters");
    assert!(violations[0].description.contains("uniqueItems"), "{violations:?}");
    let asked = v1::SearchRequest { constraint_fallback: true, ..asked };
    client.search(asked).await.expect("it falls back to syntax");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_held_to_schemas_too() {
    let folder = hermes_folder();
    let folder = folder.path().to_str().expect("text");
    let node = Node::start("serve", &["--listen", "127.0.0.1:0", "--threads", "1", "--policy-model", folder]);
    let client = node.client(DEADLINE).await;
    let choice = v1::tool_choice::Choice::Required(v1::tool_choice::Required {});
    let (mut free, mut held) = (0, 0);
    for (seed, query) in QUERIES.into_iter().take(3).enumerate().map(|(at, query)| (at as u64, query)) {
        let search = async |constraint| {
            let asked = v1::SearchRequest {
                tool_choice: Some(v1::ToolChoice { choice: Some(choice.clone()) }),
                max_calls: 1,
                ..hot(query, seed, constraint)
            };
            client.search(asked).await.expect("a response")
        };
        let found = search(v1::Constraint::Schema).await;
        let dropped = found.usage.and_then(|usage| usage.dropped).expect("told");
        assert_eq!((dropped.invalid, dropped.schema_invalid), (0, 0), "{query}: {dropped:?}");
        for answer in &found.answers {
            assert!(text(answer).starts_with("<tool_call>\n{\"name\": "), "{answer:?}");
            assert_eq!(answer.calls.len(), 1, "{answer:?}");
        }
        held += found.answers.len();
        let dropped = search(v1::Constraint::Off).await.usage.and_then(|usage| usage.dropped).expect("told");
        free += dropped.invalid + dropped.schema_invalid;
    }
    assert!(held > 0 && free > 0, "{held} answers were held, {free} expansions were nonsense without");
}
