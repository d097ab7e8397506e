//! The client against a service that is written here and lives in memory.

use std::pin::Pin;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_health::server::HealthReporter;
use tonic_types::{ErrorDetails, StatusExt};
use toolbeam_client::v1::search_event::{Committed, Event as Told};
use toolbeam_client::v1::search_service_server::{SearchService, SearchServiceServer};
use toolbeam_client::v1::{
    CancelSearchRequest, CancelSearchResponse, GetModelInfoResponse, GetSearchModelsRequest,
    GetSearchModelsResponse, SearchEvent, SearchRequest, SearchResponse,
};
use toolbeam_client::{Client, ClientConfig, ClientError, Code, Events, FieldViolation, Happening};

/// Does what the request's id says.
#[derive(Default)]
struct Scripted;

#[tonic::async_trait]
impl SearchService for Scripted {
    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let timeout = request.metadata().get("grpc-timeout").cloned();
        match request.into_inner().search_id.as_str() {
            "invalid" => Err(Status::with_error_details(
                Code::InvalidArgument,
                "prompt: missing; give one",
                ErrorDetails::with_bad_request_violation("prompt", "missing; give one"),
            )),
            "full" => Err(Status::with_error_details(
                Code::ResourceExhausted,
                "full; try again",
                ErrorDetails::with_retry_info(Some(Duration::from_millis(250))),
            )),
            "broken" => Err(Status::internal("a defect")),
            "slow" => std::future::pending().await,
            // Tells the timeout that arrived.
            _ => Ok(Response::new(SearchResponse {
                search_id: timeout
                    .and_then(|value| Some(value.to_str().ok()?.to_owned()))
                    .unwrap_or_default(),
                ..SearchResponse::default()
            })),
        }
    }

    type SearchStreamStream = Pin<Box<dyn Stream<Item = Result<SearchEvent, Status>> + Send>>;

    async fn search_stream(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        let event = |sequence, event| {
            Ok(SearchEvent { search_id: "streamed".to_owned(), sequence, round: 1, event: Some(event) })
        };
        let first = event(1, Told::Committed(Committed { first_step: 0, steps: Vec::new() }));
        let unknown = Ok(SearchEvent { sequence: 2, ..SearchEvent::default() });
        match request.into_inner().search_id.as_str() {
            "broken" => {
                Ok(Response::new(Box::pin(tokio_stream::iter([first, Err(Status::internal("a defect"))]))))
            }
            "slow" => Ok(Response::new(Box::pin(tokio_stream::iter([first]).chain(tokio_stream::pending())))),
            "refused" => Err(Status::invalid_argument("prompt: missing")),
            _ => {
                let last = event(3, Told::Finished(SearchResponse::default()));
                Ok(Response::new(Box::pin(tokio_stream::iter([first, unknown, last]))))
            }
        }
    }

    async fn cancel_search(
        &self,
        request: Request<CancelSearchRequest>,
    ) -> Result<Response<CancelSearchResponse>, Status> {
        let cancelled = request.into_inner().search_id == "running";
        Ok(Response::new(CancelSearchResponse { cancelled }))
    }

    async fn get_model_info(
        &self,
        _request: Request<GetSearchModelsRequest>,
    ) -> Result<Response<GetSearchModelsResponse>, Status> {
        let named =
            |model: &str| Some(GetModelInfoResponse { model: model.to_owned(), ..Default::default() });
        Ok(Response::new(GetSearchModelsResponse { policy: named("policy"), scorer: named("scorer") }))
    }
}

/// A channel to the scripted service, whose health is what the reporter says.
async fn start() -> (Channel, HealthReporter) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
    let server = Server::builder()
        .add_service(health)
        .add_service(SearchServiceServer::new(Scripted))
        .serve_with_incoming(incoming);
    tokio::spawn(server);
    let mut near = Some(near);
    let channel = Endpoint::from_static("http://memory")
        .connect_with_connector(tower::service_fn(move |_uri| {
            let connection = near.take().ok_or_else(|| std::io::Error::other("one connection"));
            async { connection.map(TokioIo::new) }
        }))
        .await
        .expect("connected");
    (channel, reporter)
}

fn named(search_id: &str) -> SearchRequest {
    SearchRequest { search_id: search_id.to_owned(), ..SearchRequest::default() }
}

#[tokio::test]
async fn errors_are_typed() {
    let (channel, _reporter) = start().await;
    let deadline = Duration::from_millis(300);
    let client = Client::over(channel, ClientConfig { deadline, ..ClientConfig::default() });
    let check = async |search_id: &str, want: ClientError| {
        let got = client.search(named(search_id)).await.expect_err("it is refused");
        assert_eq!(got, want, "{search_id}");
        got
    };
    let refused = |code, message: &str, violations, retry_after| ClientError::Refused {
        code,
        message: message.to_owned(),
        violations,
        retry_after,
    };
    let violations =
        vec![FieldViolation { field: "prompt".to_owned(), description: "missing; give one".to_owned() }];
    let message = "prompt: missing; give one";
    let want = refused(Code::InvalidArgument, message, violations.clone(), None);
    let invalid = check("invalid", want).await;
    assert_eq!((invalid.code(), invalid.violations()), (Code::InvalidArgument, &violations[..]));
    let delay = Some(Duration::from_millis(250));
    let full = check("full", refused(Code::ResourceExhausted, "full; try again", vec![], delay)).await;
    assert_eq!((full.code(), full.retry_after()), (Code::ResourceExhausted, delay));
    check("broken", refused(Code::Internal, "a defect", vec![], None)).await;
    let late = check("slow", ClientError::Deadline { deadline }).await;
    assert_eq!(late.code(), Code::DeadlineExceeded);
}

/// Reads to the end: what kinds of events there were, and the error.
async fn kinds(mut events: Events) -> (Vec<&'static str>, Option<ClientError>) {
    let mut kinds = Vec::new();
    loop {
        match events.next().await {
            Ok(Some(event)) => kinds.push(match event.happening {
                Happening::Expanded(_) => "expanded",
                Happening::Scored(_) => "scored",
                Happening::Pruned(_) => "pruned",
                Happening::Committed(_) => "committed",
                Happening::Finished(_) => "finished",
            }),
            Ok(None) => return (kinds, None),
            Err(error) => return (kinds, Some(error)),
        }
    }
}

#[tokio::test]
async fn events_are_typed_and_end_with_the_response_or_an_error() {
    let (channel, _reporter) = start().await;
    let deadline = Duration::from_millis(300);
    let client = Client::over(channel, ClientConfig { deadline, ..ClientConfig::default() });
    let check = async |search_id: &str, told: &[&str], code: Option<Code>| {
        let events = client.search_stream(named(search_id)).await.expect("a stream");
        let (kinds, error) = kinds(events).await;
        assert_eq!(kinds, told, "{search_id}");
        assert_eq!(error.map(|error| error.code()), code, "{search_id}");
    };
    check("", &["committed", "finished"], None).await;
    check("broken", &["committed"], Some(Code::Internal)).await;
    check("slow", &["committed"], Some(Code::DeadlineExceeded)).await;
    let refused = client.search_stream(named("refused")).await.expect_err("it is refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(client.cancel("running").await, Ok(true));
    assert_eq!(client.cancel("another").await, Ok(false));
}

#[tokio::test]
async fn the_deadline_travels() {
    let (channel, _reporter) = start().await;
    let config = ClientConfig { deadline: Duration::from_secs(7), ..ClientConfig::default() };
    let reply = Client::over(channel, config).search(named("")).await.expect("a reply");
    assert_eq!(reply.search_id, "7000000u");
}

#[tokio::test]
async fn health_and_models_are_told() {
    let (channel, reporter) = start().await;
    let client = Client::over(channel, ClientConfig::default());
    assert_eq!(client.is_serving().await, Ok(true));
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    assert_eq!(client.is_serving().await, Ok(false));
    let models = client.model_info().await.expect("both");
    assert_eq!(models.policy.map(|info| info.model).as_deref(), Some("policy"));
    assert_eq!(models.scorer.map(|info| info.model).as_deref(), Some("scorer"));
}

#[tokio::test]
async fn addresses_are_checked() {
    let check = async |address: &str, code: Code| {
        let error = Client::connect(address, ClientConfig::default()).await;
        let error = error.expect_err("nobody is there");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(address), "{error}");
    };
    check("no address", Code::InvalidArgument).await;
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    check(&address, Code::Unavailable).await;
}
