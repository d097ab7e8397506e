//! What is asked of a Toolbeam, and what is counted; the service is written here and lives in memory.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use toolbeam_client::v1::search_service_server::{SearchService, SearchServiceServer};
use toolbeam_client::{Client, ClientConfig, v1};
use toolbeam_eval::{Report, Verdict, run};

use crate::scripted::channel;
use crate::{load_seal, one_bfcl, seal_query};

/// Does what the query says, and keeps the requests.
#[derive(Default, Clone)]
pub(crate) struct Scripted {
    requests: Arc<Mutex<Vec<v1::SearchRequest>>>,
}

#[tonic::async_trait]
impl SearchService for Scripted {
    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        let request = request.into_inner();
        let query = request.prompt.as_ref().expect("a prompt").messages[0].content.clone();
        self.requests.lock().expect("not poisoned").push(request);
        let answer = |name: &str, arguments: &str| {
            let call = v1::FunctionCall { name: name.into(), arguments: arguments.into(), id: String::new() };
            vec![v1::Answer { calls: vec![call], ..Default::default() }, v1::Answer::default()]
        };
        if query == "refused late" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let answers = match query.as_str() {
            "right" => answer("a", r#"{"size": "85"}"#),
            "as text" => answer("a", r#"{"size": 85}"#),
            "wrong" => answer("b", r#"{"size": "85"}"#),
            "garbled" => answer("a", "[]"),
            "nothing" => Vec::new(),
            _ => return Err(Status::resource_exhausted("full; try again")),
        };
        let usage = v1::SearchUsage {
            policy: Some(v1::PolicyUsage { prompt_tokens: 1000, decode_tokens: 10, ..Default::default() }),
            reward: Some(v1::RewardUsage { prompt_tokens: 1000, answer_tokens: 7, ..Default::default() }),
            ..Default::default()
        };
        Ok(Response::new(v1::SearchResponse { answers, usage: Some(usage), ..Default::default() }))
    }

    type SearchStreamStream = stream::Empty<Result<v1::SearchEvent, Status>>;

    async fn search_stream(
        &self,
        _request: Request<v1::SearchRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn cancel_search(
        &self,
        _request: Request<v1::CancelSearchRequest>,
    ) -> Result<Response<v1::CancelSearchResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_model_info(
        &self,
        _request: Request<v1::GetSearchModelsRequest>,
    ) -> Result<Response<v1::GetSearchModelsResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}

/// A channel to the scripted service.
pub(crate) async fn start(service: Scripted) -> Channel {
    channel(Server::builder().add_service(SearchServiceServer::new(service))).await
}

/// Asks these queries, whose gold call is `a` with a size of "85". Times are checked and then zeroed.
async fn check(queries: &[&str], concurrency: usize, want: Report) {
    let lines: Vec<String> = queries
        .iter()
        .enumerate()
        .map(|(index, query)| seal_query(&format!("r{index}"), query, &[("a", r#"{"size": "85"}"#)]))
        .collect();
    let records = load_seal(&lines).expect("loads");
    let client = Client::over(start(Scripted::default()).await, ClientConfig::default());
    let concurrency = NonZeroUsize::new(concurrency).expect("not zero");
    let mut seen = Vec::new();
    let template = v1::SearchRequest::default();
    let mut report = run(&client, &records, &template, concurrency, |judged| {
        assert_eq!(
            judged.calls.is_empty(),
            !matches!(judged.verdict, Verdict::Exact | Verdict::ExactText | Verdict::Wrong)
        );
        seen.push(judged.id.clone());
    })
    .await;
    seen.sort();
    assert_eq!(seen, records.iter().map(|record| record.id.clone()).collect::<Vec<_>>());
    let has_times = report.total > report.failed.len();
    assert_eq!((report.mean_ms > 0.0, report.median_ms > 0.0), (has_times, has_times), "{report:?}");
    (report.mean_ms, report.median_ms) = (0.0, 0.0);
    assert_eq!(report, want, "{queries:?}");
}

#[tokio::test]
async fn every_record_is_counted() {
    let full = |id: &str| (id.to_owned(), "ResourceExhausted: full; try again".to_owned());
    let queries = ["refused late", "right", "as text", "wrong", "nothing", "right", "refused"];
    let want = Report {
        total: 7,
        exact: 2,
        exact_text: 3,
        no_valid_answer: 1,
        failed: vec![full("r0"), full("r6")],
        policy_tokens: 50,
        reward_tokens: 35,
        ..Report::default()
    };
    for concurrency in [1, 3, 100] {
        check(&queries, concurrency, want.clone()).await;
    }
    let want = Report { total: 1, failed: vec![full("r0")], ..Report::default() };
    check(&["refused"], 1, want).await;
}

#[tokio::test]
async fn a_reply_that_breaks_the_contract_is_a_failure() {
    let queries = [seal_query("r", "garbled", &[("a", "{}")])];
    let records = load_seal(&queries).expect("loads");
    let client = Client::over(start(Scripted::default()).await, ClientConfig::default());
    let report = run(&client, &records, &v1::SearchRequest::default(), NonZeroUsize::MIN, |_| {}).await;
    let [(id, message)] = &report.failed[..] else { panic!("{report:?}") };
    assert_eq!((id.as_str(), report.total, report.exact, report.policy_tokens), ("r", 1, 0, 10));
    assert!(message.contains("arguments of a: "), "{message}");
}

#[tokio::test]
async fn requests_are_the_template_with_the_records_prompt() {
    let service = Scripted::default();
    let client = Client::over(start(service.clone()).await, ClientConfig::default());
    let mut records = load_seal(&[seal_query("r", "right", &[("a", "{}")])]).expect("loads");
    records.push(one_bfcl(r#"{"type": "dict", "properties": {}}"#, "{}"));
    let template = v1::SearchRequest {
        search_id: "mine".into(),
        seed: 9,
        deterministic: true,
        trace: true,
        validation: v1::Validation::Schema.into(),
        ..Default::default()
    };
    run(&client, &records, &template, NonZeroUsize::MIN, |_| {}).await;
    let want = |record: &toolbeam_eval::Record, validation: v1::Validation| v1::SearchRequest {
        prompt: Some(v1::Prompt { messages: record.messages.clone(), tools: record.tools.clone() }),
        seed: 9,
        deterministic: true,
        validation: validation.into(),
        ..Default::default()
    };
    let want = [want(&records[0], v1::Validation::Syntax), want(&records[1], v1::Validation::Schema)];
    assert_eq!(*service.requests.lock().expect("not poisoned"), want);
}
