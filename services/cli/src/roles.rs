//! The services, each in a process of its own or all in one.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tonic::service::Routes;
use tonic::transport::Channel;
use toolbeam_gateway::{Gateway, GatewayConfig, Upstreams};
use toolbeam_policy::{PolicyConfig, PolicyServer};
use toolbeam_reward::RewardModel;
use toolbeam_scorer::{ScorerConfig, ScorerServer};
use toolbeam_serve::{ChannelConfig, Health, Listener, Server, ServerConfig, memory, shutdown_signal};

use crate::models::{RuntimeArgs, policy_files, scorer_files};

/// Arguments of `toolbeam serve`.
#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    /// Where to listen.
    #[arg(long, env = "TOOLBEAM_LISTEN", default_value = "127.0.0.1:50050")]
    listen: String,
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
    server: ServerConfig,
}

/// Serves all roles until the process is told to stop.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    let listener = Listener::tcp(&args.listen).await?;
    let engine = Engine::start(args.engine).await?;
    announce("toolbeam serve", &listener);
    engine.run(listener, shutdown_signal()).await
}

/// Serves a policy until the process is told to stop.
pub(crate) async fn policy(args: PolicyArgs) -> Result<()> {
    let listener = Listener::tcp(&args.listen).await?;
    let handle = args.runtime.load(vec![policy_files(args.model)]).await?.remove(0);
    let service = PolicyServer::new(handle, args.policy)?;
    let services = Routes::new(service.into_service(args.server.max_message_bytes));
    run("toolbeam policy", PolicyServer::NAME, services, args.server, listener).await
}

/// Serves a reward model until the process is told to stop.
pub(crate) async fn scorer(args: ScorerArgs) -> Result<()> {
    let listener = Listener::tcp(&args.listen).await?;
    let files = scorer_files(args.model);
    let handle = args.runtime.load(vec![files.clone()]).await?.remove(0);
    let service = ScorerServer::new(RewardModel::new(handle, &files)?, &args.scorer);
    let services = Routes::new(service.into_service(args.server.max_message_bytes));
    run("toolbeam scorer", ScorerServer::NAME, services, args.server, listener).await
}

/// Serves searches until the process is told to stop.
pub(crate) async fn gateway(args: GatewayArgs) -> Result<()> {
    let listener = Listener::tcp(&args.listen).await?;
    let (policy, scorer) = args.upstreams.channels()?;
    let gateway = Gateway::start(args.gateway, args.server, policy, scorer)?;
    announce("toolbeam gateway", &listener);
    Ok(gateway.run(listener, shutdown_signal()).await?)
}

async fn run(
    role: &str,
    name: &str,
    services: Routes,
    config: ServerConfig,
    listener: Listener,
) -> Result<()> {
    let health = Health::new(&[name]).await;
    health.serving().await;
    announce(role, &listener);
    Ok(Server { config, services, health }.run(listener, shutdown_signal()).await?)
}

fn announce(role: &str, listener: &Listener) {
    if let Some(address) = listener.address() {
        tracing::info!(role, %address, "serving");
    }
}

/// All roles in this process. The gateway reaches the others by gRPC over memory, as it would reach
/// them over a network.
pub(crate) struct Engine {
    gateway: Gateway,
    models: Routes,
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
        let channel = serve_in_memory(models.clone(), args.server.clone()).await;
        let gateway = Gateway::start(args.gateway, args.server, channel.clone(), channel)?;
        Ok(Engine { gateway, models })
    }

    /// Serves searches, and the models beside them, until `shutdown`.
    pub(crate) async fn run(self, listener: Listener, shutdown: impl Future<Output = ()>) -> Result<()> {
        Ok(self.gateway.run_with(self.models, listener, shutdown).await?)
    }
}

async fn serve_in_memory(services: Routes, config: ServerConfig) -> Channel {
    let (connector, listener) = memory();
    let health = Health::new(&[PolicyServer::NAME, ScorerServer::NAME]).await;
    health.serving().await;
    let server = Server { config, services, health };
    // It ends with the process: the gateway, its only caller, drains first.
    tokio::spawn(async move {
        if let Err(error) = server.run(listener, std::future::pending()).await {
            tracing::error!(%error, "the models' services ended");
        }
    });
    connector.channel(&ChannelConfig::default())
}
