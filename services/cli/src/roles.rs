//! The services, each in a process of its own or all in one.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tonic::service::Routes;
use tonic::transport::Channel;
use toolbeam_gateway::{Gateway, GatewayConfig, Upstreams};
use toolbeam_policy::{PolicyConfig, PolicyServer};
use toolbeam_reward::RewardModel;
use toolbeam_scorer::{ScorerConfig, ScorerServer};
use toolbeam_serve::{
    CancellationToken, ChannelConfig, Health, LateRoutes, Listener, MetricsConfig, Server, ServerConfig,
    memory, serve_metrics, shutdown_signal,
};

use crate::models::{RuntimeArgs, policy_files, scorer_files};

/// Arguments of `toolbeam serve`.
#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    #[arg(long, env = "TOOLBEAM_LISTEN", default_value = "127.0.0.1:50050")]
    listen: String,
    #[command(flatten)]
    metrics: MetricsConfig,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Everything that one process with all roles needs beside its socket.
#[derive(clap::Args)]
pub(crate) struct EngineArgs {
    /// The policy: a Hugging Face folder. Without it, the reference policy that ships with Toolbeam.
    #[arg(long, env = "TOOLBEAM_POLICY_MODEL", value_name = "DIR")]
    policy_model: Option<PathBuf>,
    /// The reward model: a Hugging Face folder. Without it, the reference ToolPRM that ships with Toolbeam.
    #[arg(long, env = "TOOLBEAM_SCORER_MODEL", value_name = "DIR")]
    scorer_model: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    policy: PolicyConfig,
    #[command(flatten)]
    scorer: ScorerConfig,
    #[command(flatten)]
    gateway: GatewayConfig,
    #[command(flatten)]
    server: ServerConfig,
}

/// A policy in this process, for commands that need no search.
#[derive(clap::Args)]
pub(crate) struct EmbeddedPolicyArgs {
    /// The policy of this process: a Hugging Face folder. Without it, the reference policy that ships with
    /// Toolbeam.
    #[arg(long, env = "TOOLBEAM_POLICY_MODEL", value_name = "DIR")]
    policy_model: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    config: PolicyConfig,
    #[command(flatten)]
    server: ServerConfig,
}

/// Arguments of `toolbeam policy`.
#[derive(clap::Args)]
pub(crate) struct PolicyArgs {
    /// Where to listen.
    #[arg(long, env = "TOOLBEAM_LISTEN", default_value = "127.0.0.1:50051")]
    listen: String,
    /// A Hugging Face folder. Without it, the reference policy that ships with Toolbeam.
    #[arg(long, env = "TOOLBEAM_POLICY_MODEL", value_name = "DIR")]
    model: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    policy: PolicyConfig,
    #[command(flatten)]
    metrics: MetricsConfig,
    #[command(flatten)]
    server: ServerConfig,
}

/// Arguments of `toolbeam scorer`.
#[derive(clap::Args)]
pub(crate) struct ScorerArgs {
    /// Where to listen.
    #[arg(long, env = "TOOLBEAM_LISTEN", default_value = "127.0.0.1:50052")]
    listen: String,
    /// A Hugging Face folder. Without it, the reference ToolPRM that ships with Toolbeam.
    #[arg(long, env = "TOOLBEAM_SCORER_MODEL", value_name = "DIR")]
    model: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    scorer: ScorerConfig,
    #[command(flatten)]
    metrics: MetricsConfig,
    #[command(flatten)]
    server: ServerConfig,
}

/// Arguments of `toolbeam gateway`.
#[derive(clap::Args)]
pub(crate) struct GatewayArgs {
    /// Where to listen.
    #[arg(long, env = "TOOLBEAM_LISTEN", default_value = "127.0.0.1:50050")]
    listen: String,
    #[command(flatten)]
    upstreams: Upstreams,
    #[command(flatten)]
    gateway: GatewayConfig,
    #[command(flatten)]
    metrics: MetricsConfig,
    #[command(flatten)]
    server: ServerConfig,
}

/// Serves all roles until the process is told to stop.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    let names = [Gateway::NAME, PolicyServer::NAME, ScorerServer::NAME];
    serve_metrics(&args.metrics)?;
    let listening = Listening::at(&args.listen, args.engine.server.clone(), &names).await?;
    let overdue = listening.server.overdue.clone();
    let load = async {
        let engine = Engine::start(args.engine).await?;
        engine.gateway.ready().await;
        let gateway = Arc::clone(&engine.gateway);
        tokio::spawn(async move {
            overdue.cancelled().await;
            gateway.end_searches();
        });
        Ok(engine.routes())
    };
    listening.run("toolbeam serve", load).await
}

/// Serves a policy until the process is told to stop.
pub(crate) async fn policy(args: PolicyArgs) -> Result<()> {
    let bytes = args.server.max_message_bytes;
    serve_metrics(&args.metrics)?;
    let listening = Listening::at(&args.listen, args.server, &[PolicyServer::NAME]).await?;
    let load = async {
        let handle = args.runtime.load(vec![policy_files(args.model)]).await?.remove(0);
        Ok(Routes::new(PolicyServer::new(handle, args.policy)?.into_service(bytes)))
    };
    listening.run("toolbeam policy", load).await
}

/// Serves a reward model until the process is told to stop.
pub(crate) async fn scorer(args: ScorerArgs) -> Result<()> {
    let bytes = args.server.max_message_bytes;
    serve_metrics(&args.metrics)?;
    let listening = Listening::at(&args.listen, args.server, &[ScorerServer::NAME]).await?;
    let load = async {
        let files = scorer_files(args.model);
        let handle = args.runtime.load(vec![files.clone()]).await?.remove(0);
        let model = RewardModel::new(handle, &files)?;
        Ok(Routes::new(ScorerServer::new(model, &args.scorer).into_service(bytes)))
    };
    listening.run("toolbeam scorer", load).await
}

/// Serves searches until the process is told to stop.
pub(crate) async fn gateway(args: GatewayArgs) -> Result<()> {
    serve_metrics(&args.metrics)?;
    let listener = Listener::tcp(&args.listen).await?;
    let (policy, scorer) = args.upstreams.channels()?;
    let gateway = Gateway::start(args.gateway, args.server, policy, scorer)?;
    announce("toolbeam gateway", &listener);
    Ok(gateway.run(listener, shutdown_signal()).await?)
}

/// A server that listens already and serves once its models are loaded.
struct Listening {
    listener: Listener,
    server: Server,
    late: LateRoutes,
}

impl Listening {
    /// Listens at an address for the services of these names.
    async fn at(address: &str, config: ServerConfig, names: &[&str]) -> Result<Listening> {
        let listener = Listener::tcp(address).await?;
        let late = LateRoutes::default();
        let (health, overdue) = (Health::new(names).await, CancellationToken::new());
        Ok(Listening { listener, server: Server { config, services: late.routes(), health, overdue }, late })
    }

    /// Answers probes while `load` runs, then serves what it gives until the process is told to stop.
    async fn run(self, role: &str, load: impl Future<Output = Result<Routes>>) -> Result<()> {
        let Listening { listener, server, late } = self;
        let (address, health) = (listener.address(), server.health.clone());
        let beside = async {
            late.fill(load.await?);
            health.serving().await;
            if let Some(address) = address {
                tracing::info!(role, %address, "serving");
            }
            std::future::pending::<Result<()>>().await
        };
        tokio::select! {
            ended = server.run(listener, shutdown_signal()) => Ok(ended?),
            failed = beside => failed,
        }
    }
}

fn announce(role: &str, listener: &Listener) {
    if let Some(address) = listener.address() {
        tracing::info!(role, %address, "serving");
    }
}

/// All roles in this process. The gateway reaches the others by gRPC over memory, as it would reach
/// them over a network.
pub(crate) struct Engine {
    gateway: Arc<Gateway>,
    models: Routes,
    server: ServerConfig,
}

impl Engine {
    /// Loads both models and starts the services.
    pub(crate) async fn start(args: EngineArgs) -> Result<Engine> {
        let (policy, scorer) = (policy_files(args.policy_model), scorer_files(args.scorer_model));
        let mut handles = args.runtime.load(vec![policy, scorer.clone()]).await?;
        let (scorer_handle, policy_handle) = (handles.pop(), handles.pop());
        let policy_handle = policy_handle.context("the policy was not loaded")?;
        let scorer_handle = scorer_handle.context("the reward model was not loaded")?;
        let policy = PolicyServer::new(policy_handle, args.policy)?;
        let scorer = ScorerServer::new(RewardModel::new(scorer_handle, &scorer)?, &args.scorer);
        let bytes = args.server.max_message_bytes;
        let models = Routes::new(policy.into_service(bytes)).add_service(scorer.into_service(bytes));
        let names = [PolicyServer::NAME, ScorerServer::NAME];
        let channel = serve_in_memory(models.clone(), args.server.clone(), &names).await;
        let gateway = Gateway::start(args.gateway, args.server.clone(), channel.clone(), channel)?;
        Ok(Engine { gateway: Arc::new(gateway), models, server: args.server })
    }

    /// The services of all roles.
    fn routes(self) -> Routes {
        self.gateway.add_to(self.models)
    }

    /// Serves all roles for as long as the future is awaited.
    pub(crate) async fn run(self, listener: Listener) -> Result<()> {
        let health = Health::new(&[Gateway::NAME, PolicyServer::NAME, ScorerServer::NAME]).await;
        health.serving().await;
        let config = self.server.clone();
        let server = Server { config, services: self.routes(), health, overdue: CancellationToken::new() };
        Ok(server.run(listener, std::future::pending()).await?)
    }
}

/// Loads a policy and serves it in this process for as long as the process lives.
pub(crate) async fn embedded_policy(args: EmbeddedPolicyArgs) -> Result<Channel> {
    let handle = args.runtime.load(vec![policy_files(args.policy_model)]).await?.remove(0);
    let policy = PolicyServer::new(handle, args.config)?;
    let routes = Routes::new(policy.into_service(args.server.max_message_bytes));
    Ok(serve_in_memory(routes, args.server, &[PolicyServer::NAME]).await)
}

async fn serve_in_memory(services: Routes, config: ServerConfig, names: &[&str]) -> Channel {
    let (connector, listener) = memory();
    let health = Health::new(names).await;
    health.serving().await;
    let server = Server { config, services, health, overdue: CancellationToken::new() };
    // It ends with the process: the gateway, its only caller, drains first.
    tokio::spawn(async move {
        if let Err(error) = server.run(listener, std::future::pending()).await {
            tracing::error!(%error, "the models' services ended");
        }
    });
    connector.channel(&ChannelConfig::within())
}
