//! A gateway with its policy and scorer, all in memory.

use std::future::pending;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use toolbeam_gateway::{Gateway, GatewayConfig};
use toolbeam_proto::v1::policy_service_server::PolicyServiceServer;
use toolbeam_proto::v1::scorer_service_server::ScorerServiceServer;
use toolbeam_proto::v1::search_service_client::SearchServiceClient;
use toolbeam_proto::v1::{
    CancelSearchRequest, Message, Prompt, Role, SearchEvent, SearchRequest, SearchResponse, Tool,
};
use toolbeam_serve::{
    CancellationToken, ChannelConfig, Health, MemoryConnector, ServeError, Server, ServerConfig, memory,
};

use crate::policy::{FakePolicy, PolicyScript, SharedLog};
use crate::scorer::{FakeScorer, ScorerScript};

/// A call of `get_weather` that the tests' tools allow.
pub(crate) const RIGHT: &str = r#"[{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}]"#;
/// The same with an argument that the scorer dislikes.
pub(crate) const WRONG: &str = r#"[{"name": "get_weather", "arguments": {"city": "wrong", "days": 2}}]"#;

/// What is to be started.
pub(crate) struct Setup {
    pub(crate) policy: PolicyScript,
    pub(crate) scorer: ScorerScript,
    pub(crate) gateway: GatewayConfig,
    /// Whether a scorer listens at all.
    pub(crate) scorer_up: bool,
    /// How long the gateway drains.
    pub(crate) drain_ms: u64,
}

impl Setup {
    pub(crate) fn writing(answers: &[&'static str]) -> Setup {
        Setup {
            policy: PolicyScript::writing(answers),
            scorer: ScorerScript::default(),
            gateway: GatewayConfig::default(),
            scorer_up: true,
            drain_ms: 5_000,
        }
    }

    /// Starts everything.
    pub(crate) fn start(self) -> Sandbox {
        let (policy_log, scorer_log) = (SharedLog::default(), SharedLog::default());
        let policy = FakePolicy { script: self.policy, log: policy_log.clone() };
        let scorer = FakeScorer { script: self.scorer, log: scorer_log.clone() };
        let (policy_channel, policy_runtime) = serve(Routes::new(PolicyServiceServer::new(policy)), true);
        let (scorer_channel, scorer_runtime) =
            serve(Routes::new(ScorerServiceServer::new(scorer)), self.scorer_up);
        let server = ServerConfig { drain_ms: self.drain_ms, ..ServerConfig::default() };
        let gateway =
            Gateway::start(self.gateway, server, policy_channel, scorer_channel).expect("the engine starts");
        let (connector, listener) = memory();
        let client = SearchServiceClient::new(connector.channel(&quick()));
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(gateway.run(listener, async {
            // A sandbox that is not stopped runs on.
            if stopped.await.is_err() {
                pending::<()>().await;
            }
        }));
        Sandbox {
            stop: Some(stop),
            ended,
            connector,
            client,
            policy: policy_log,
            scorer: scorer_log,
            policy_runtime,
            _scorer_runtime: scorer_runtime,
        }
    }
}

/// A service on a runtime of its own, so that it can die with everything in it.
fn serve(services: Routes, up: bool) -> (Channel, Replica) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let (connector, listener) = memory();
    if up {
        runtime.spawn(async move {
            let (health, overdue) = (Health::new(&[]).await, CancellationToken::new());
            let server = Server { config: ServerConfig::default(), services, health, overdue };
            server.run(listener, pending()).await
        });
    }
    (connector.channel(&quick()), Replica(Some(runtime)))
}

/// A service that can be killed.
pub(crate) struct Replica(Option<tokio::runtime::Runtime>);

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn quick() -> ChannelConfig {
    ChannelConfig { connect_timeout_ms: 500, keep_alive_interval_ms: 500, keep_alive_timeout_ms: 500 }
}

pub(crate) struct Sandbox {
    pub(crate) client: SearchServiceClient<Channel>,
    /// Connects anew.
    pub(crate) connector: MemoryConnector,
    /// Begins the drain.
    pub(crate) stop: Option<oneshot::Sender<()>>,
    /// The gateway's end.
    pub(crate) ended: JoinHandle<Result<(), ServeError>>,
    pub(crate) policy: SharedLog,
    pub(crate) scorer: SharedLog,
    /// Dropping it kills the policy.
    pub(crate) policy_runtime: Replica,
    _scorer_runtime: Replica,
}

impl Sandbox {
    /// Searches with ten seconds to spare.
    pub(crate) async fn search(&self, request: SearchRequest) -> Result<SearchResponse, Status> {
        self.search_within(request, Duration::from_secs(10)).await
    }

    /// Begins a stream of events with ten seconds to spare.
    pub(crate) async fn stream(&self, request: SearchRequest) -> Result<Streaming<SearchEvent>, Status> {
        let mut request = Request::new(request);
        request.set_timeout(Duration::from_secs(10));
        Ok(self.client.clone().search_stream(request).await?.into_inner())
    }

    /// Cancels a search; whether one was running.
    pub(crate) async fn cancel(&self, search_id: &str) -> Result<bool, Status> {
        let request = CancelSearchRequest { search_id: search_id.to_owned() };
        Ok(self.client.clone().cancel_search(request).await?.into_inner().cancelled)
    }

    pub(crate) async fn search_within(
        &self,
        request: SearchRequest,
        timeout: Duration,
    ) -> Result<SearchResponse, Status> {
        let mut request = Request::new(request);
        request.set_timeout(timeout);
        let reply = self.client.clone().search(request).await?;
        Ok(reply.into_inner())
    }
}

/// Waits until something is so; it must be within five seconds.
pub(crate) async fn eventually(what: &str, so: impl Fn() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

/// A request that nothing is wrong with.
pub(crate) fn request() -> SearchRequest {
    SearchRequest {
        prompt: Some(Prompt {
            messages: vec![Message {
                role: Role::User.into(),
                content: "How will the weather be in Oslo until tomorrow?".to_owned(),
                ..Message::default()
            }],
            tools: vec![Tool {
                name: "get_weather".to_owned(),
                description: "The weather of a city".to_owned(),
                parameters: r#"{"type": "object", "required": ["city"], "properties": {
                    "city": {"type": "string"}, "days": {"type": "integer"}}}"#
                    .to_owned(),
            }],
        }),
        ..SearchRequest::default()
    }
}
