//! All services in this process, over gRPC in memory, where what they hold can be counted.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tonic::service::Routes;
use toolbeam_actors::{Census, SearchEngine};
use toolbeam_client::{Channel, Client, ClientConfig, v1};
use toolbeam_gateway::{Gateway, GatewayConfig};
use toolbeam_lm::{DeviceChoice, DtypeChoice, ModelFiles, ModelHandle, Runtime, RuntimeConfig};
use toolbeam_policy::{PolicyConfig, PolicyServer};
use toolbeam_reward::RewardModel;
use toolbeam_scorer::{ScorerConfig, ScorerServer};
use toolbeam_serve::{CancellationToken, ChannelConfig, Health, Server, ServerConfig, memory};

const MESSAGE_BYTES: usize = 16 << 20;

pub(crate) struct Services {
    pub(crate) engine: Arc<SearchEngine>,
    /// The policy and the reward model.
    pub(crate) models: [ModelHandle; 2],
    channel: Channel,
}

impl Services {
    pub(crate) fn start() -> Services {
        let policy = ModelFiles::Embedded { name: "policy", files: toolbeam_reference::POLICY };
        let scorer = ModelFiles::Embedded { name: "toolprm", files: toolbeam_reference::TOOLPRM };
        let config = RuntimeConfig {
            device: DeviceChoice::Cpu,
            dtype: DtypeChoice::Float32,
            threads: Some(1),
            kv_bytes: 1 << 30,
            queue: 4096,
            running: None,
        };
        let models = Runtime::start(config, vec![policy.clone(), scorer.clone()]).expect("the models load");
        let [policy_model, scorer_model] = models.try_into().unwrap_or_else(|_| panic!("two models"));
        let models = [policy_model.clone(), scorer_model.clone()];
        let number =
            |number: u32| usize::try_from(number).ok().and_then(|n| n.try_into().ok()).expect("not 0");
        let policy_config = PolicyConfig {
            max_continuation_tokens: 512,
            policy_prompts: number(64),
            constraint_ms: 1000,
            constraints: number(8),
        };
        let scorer_config = ScorerConfig { scorer_prompts: number(64) };
        let policy = PolicyServer::new(policy_model, policy_config).expect("a policy");
        let reward = RewardModel::new(scorer_model, &scorer).expect("a reward model");
        let policy = serve(Routes::new(policy.into_service(MESSAGE_BYTES)));
        let scorer =
            serve(Routes::new(ScorerServer::new(reward, &scorer_config).into_service(MESSAGE_BYTES)));
        let gateway = Gateway::start(GatewayConfig::default(), ServerConfig::default(), policy, scorer);
        let gateway = gateway.expect("the engine starts");
        let engine = gateway.engine();
        let (connector, listener) = memory();
        tokio::spawn(gateway.run(listener, pending()));
        Services { engine, models, channel: connector.channel(&ChannelConfig::within()) }
    }

    pub(crate) fn client(&self, config: ClientConfig) -> Client {
        Client::over(self.channel.clone(), config)
    }

    /// What the engine holds once nothing changes any more, at the latest after ten seconds.
    pub(crate) async fn engine_at_rest(&self) -> Census {
        for _ in 0..1000 {
            if self.engine.census() == Census::default() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.engine.census()
    }

    /// What a model holds once the last release has arrived, at the latest after ten seconds.
    pub(crate) async fn model_at_rest(&self, model: &ModelHandle) -> toolbeam_lm::Census {
        for _ in 0..1000 {
            let census = model.census().await.expect("the model runs");
            if census.requests == 0 && census.bytes_beside_prompts() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        model.census().await.expect("the model runs")
    }
}

fn serve(services: Routes) -> Channel {
    let (connector, listener) = memory();
    tokio::spawn(async move {
        let (health, overdue) = (Health::new(&[]).await, CancellationToken::new());
        let server = Server { config: ServerConfig::default(), services, health, overdue };
        server.run(listener, pending()).await
    });
    connector.channel(&ChannelConfig::within())
}

/// One of five requests over a small tool.
pub(crate) fn request(index: u64) -> v1::SearchRequest {
    let city = ["Oslo", "Lima", "Paris", "Rome", "Berlin"][(index % 5) as usize];
    let content = format!("What is the weather in {city}?");
    let tool = v1::Tool {
        name: "getWeather".into(),
        description: "Get the weather of a city".into(),
        parameters: r#"{"city": {"type": "str", "description": "The city", "required": true}}"#.into(),
    };
    let message = v1::Message { role: v1::Role::User.into(), content, ..Default::default() };
    v1::SearchRequest {
        prompt: Some(v1::Prompt { messages: vec![message], tools: vec![tool] }),
        strategy: Some(v1::Strategy {
            num_beams: Some(4),
            expansions_per_beam: Some(4),
            ..Default::default()
        }),
        validation: v1::Validation::Syntax.into(),
        seed: index,
        ..Default::default()
    }
}
