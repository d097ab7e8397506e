//! A gateway with its policy and scorer, all in memory.

use std::future::pending;
use std::time::Duration;

use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Status};
use toolbeam_gateway::{Gateway, GatewayConfig};
use toolbeam_proto::v1::policy_service_server::PolicyServiceServer;
use toolbeam_proto::v1::scorer_service_server::ScorerServiceServer;
use toolbeam_proto::v1::search_service_client::SearchServiceClient;
use toolbeam_proto::v1::{Message, Prompt, Role, SearchRequest, SearchResponse, Tool};
use toolbeam_serve::{ChannelConfig, Health, Server, ServerConfig, memory};

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
}

impl Setup {
    pub(crate) fn writing(answers: &[&'static str]) -> Setup {
        Setup {
            policy: PolicyScript::writing(answers),
            scorer: ScorerScript::default(),
            gateway: GatewayConfig::default(),
            scorer_up: true,
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
        let server = ServerConfig::default();
        let gateway =
            Gateway::start(self.gateway, server, policy_channel, scorer_channel).expect("the engine starts");
        let (connector, listener) = memory();
        tokio::spawn(gateway.run(listener, pending()));
        Sandbox {
            client: SearchServiceClient::new(connector.channel(&quick())),
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
            let server = Server { config: ServerConfig::default(), services, health: Health::new(&[]).await };
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

fn quick() -> ChannelConfig {
    ChannelConfig { connect_timeout_ms: 500, keep_alive_interval_ms: 500, keep_alive_timeout_ms: 500 }
}

pub(crate) struct Sandbox {
    pub(crate) client: SearchServiceClient<Channel>,
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
