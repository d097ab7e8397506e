//! Rollouts of a policy that is written here and lives in memory.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::{Stream, stream};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};
use toolbeam_client::v1::policy_service_server::{PolicyService, PolicyServiceServer};
use toolbeam_client::{Client, ClientConfig, Code, v1};
use toolbeam_dataset::{
    AnswerLayout, Contents, DatasetError, Example, PartReader, PartWriter, PolicyName, RolloutSettings,
    Rollouts, roll_out,
};

use crate::toys::{example, user};

/// Does what the prompt's first message says.
#[derive(Default)]
struct Scripted {
    calls: AtomicU32,
}

#[tonic::async_trait]
impl PolicyService for Scripted {
    type ExpandStream = Pin<Box<dyn Stream<Item = Result<v1::ExpandResponse, Status>> + Send>>;

    async fn expand(
        &self,
        request: Request<v1::ExpandRequest>,
    ) -> Result<Response<Self::ExpandStream>, Status> {
        let request = request.into_inner();
        let Some(v1::prompt_ref::Ref::Inline(prompt)) = request.prompt.and_then(|prompt| prompt.r#ref) else {
            return Err(Status::invalid_argument("no prompt"));
        };
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let wait = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
        let full = Status::with_error_details(Code::ResourceExhausted, "full", wait);
        let model_fingerprint = match prompt.messages[0].content.as_str() {
            "refuse" => return Err(Status::invalid_argument("too long")),
            "full" => return Err(full),
            "full twice" if calls < 2 => return Err(full),
            "changed" => "another".to_owned(),
            _ => "fingerprint".to_owned(),
        };
        // One continuation in each of two messages.
        let message = |expansions: &[u32], text: &str| v1::ExpandResponse {
            continuations: vec![v1::Continuation {
                expansions: expansions.to_vec(),
                text: text.into(),
                log_probability: request.seed as f64,
                finish_reason: v1::FinishReason::Stop.into(),
                ..Default::default()
            }],
            model_fingerprint: model_fingerprint.clone(),
            ..Default::default()
        };
        let messages = [Ok(message(&[1], "[x")), Ok(message(&[0, 2, 3], "[]"))];
        Ok(Response::new(Box::pin(stream::iter(messages))))
    }

    async fn release(&self, _: Request<v1::ReleaseRequest>) -> Result<Response<v1::ReleaseResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_model_info(
        &self,
        _: Request<v1::GetModelInfoRequest>,
    ) -> Result<Response<v1::GetModelInfoResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}

async fn client() -> Client {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let services = Server::builder().add_service(PolicyServiceServer::new(Scripted::default()));
    tokio::spawn(services.serve_with_incoming(stream::iter([Ok::<_, std::io::Error>(far)])));
    let mut near = Some(near);
    let connector = tower::service_fn(move |_uri| {
        let connection = near.take().ok_or_else(|| std::io::Error::other("one connection"));
        async { connection.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://memory").connect_with_connector(connector).await;
    Client::over(channel.expect("connected"), ClientConfig::default())
}

/// What comes of prompts that ask this.
async fn rolled(queries: &[&str]) -> Result<(Vec<Rollouts>, Contents), DatasetError> {
    let folder = TempDir::new().expect("a folder");
    let mut part = PartWriter::create(folder.path(), 0)?;
    for (number, query) in queries.iter().enumerate() {
        part.add(&Example { messages: vec![user(query)], ..example(&number.to_string(), vec![]) })?;
    }
    part.finish()?;
    let settings = RolloutSettings {
        samples: 4,
        temperature: 0.8,
        seed: 1,
        max_tokens: 0,
        deterministic: false,
        policy: PolicyName {
            name: "scripted".into(),
            fingerprint: "fingerprint".into(),
            dtype: "float32".into(),
            layout: AnswerLayout::JsonList,
        },
        examples: String::new(),
    };
    let prompts = PartReader::open_part(folder.path(), 0);
    let mut part = PartWriter::create(folder.path(), 1)?;
    let concurrency = NonZeroUsize::MIN.saturating_add(2);
    let contents = roll_out(&client().await, prompts, &settings, concurrency, &mut part, || ()).await?;
    part.finish()?;
    let read = PartReader::open_part(folder.path(), 1).collect::<Result<Vec<Rollouts>, _>>()?;
    Ok((read, contents))
}

#[tokio::test]
async fn replies_are_in_the_order_of_the_prompts_and_refused_ones_are_listed() {
    let (rollouts, contents) = rolled(&["full twice", "refuse", "b", "c"]).await.expect("it answers");
    let ids: Vec<&str> = rollouts.iter().map(|rollouts| rollouts.prompt.id.as_str()).collect();
    assert_eq!(ids, ["0", "2", "3"]);
    let samples: Vec<(&str, u32, bool)> = rollouts[0]
        .samples
        .iter()
        .map(|sample| (sample.text.as_str(), sample.count, sample.complete))
        .collect();
    assert_eq!(samples, [("[]", 3, true), ("[x", 1, false)]);
    assert_ne!(
        rollouts[1].samples[0].log_probability, rollouts[2].samples[0].log_probability,
        "seeds differ"
    );
    assert!(contents.failed["1"].contains("too long"), "{contents:?}");
    let counts = [("samples", "complete"), ("samples", "incomplete"), ("prompts", "refused")];
    assert_eq!(counts.map(|(kind, name)| contents.number(kind, name)), [9, 3, 1]);
}

#[tokio::test]
async fn a_policy_that_does_not_answer_or_changes_is_an_error() {
    match rolled(&["b", "full"]).await {
        Err(DatasetError::Policy { id, reason }) => {
            assert_eq!((id.as_str(), reason.code()), ("1", Code::ResourceExhausted));
        }
        other => panic!("{other:?}"),
    }
    match rolled(&["changed"]).await {
        Err(DatasetError::OtherPolicy { found, .. }) => assert_eq!(found, "another"),
        other => panic!("{other:?}"),
    }
}
