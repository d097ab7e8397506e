//! Reaching a Toolbeam: one that runs elsewhere, or one in this process.

use anyhow::Result;
use toolbeam_client::{Client, ClientConfig};
use toolbeam_serve::{ChannelConfig, memory};

use crate::roles::{Engine, EngineArgs};

/// Where the Toolbeam is that answers.
#[derive(clap::Args)]
pub(crate) struct ConnectionArgs {
    /// A running Toolbeam, host:port. Without it, everything runs in this process.
    #[arg(long, env = "TOOLBEAM_ADDRESS")]
    address: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
}

impl ConnectionArgs {
    /// A client of the Toolbeam at the address, or of services in this process, over memory.
    pub(crate) async fn client(self, config: ClientConfig) -> Result<Client> {
        if let Some(address) = self.address {
            return Ok(Client::connect(&address, config).await?);
        }
        let engine = Engine::start(self.engine).await?;
        let (connector, listener) = memory();
        tokio::spawn(async move {
            if let Err(error) = engine.run(listener).await {
                tracing::error!(%error, "the services ended");
            }
        });
        Ok(Client::over(connector.channel(&ChannelConfig::within()), config))
    }
}
