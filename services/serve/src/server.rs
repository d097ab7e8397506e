//! Running a service's routes until shutdown.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tower::util::MapResponseLayer;

use crate::channel::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::error::ServeError;
use crate::health::Health;
use crate::listener::Listener;
use crate::reflection::with_reflection;
use crate::undecodable::name_mistake;

/// How long overdue calls have to tell their callers why they end.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a server serves.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ServerConfig {
    /// The largest message that is accepted or sent, in bytes. tonic sets this per
    /// service, so the service's crate applies it to its generated server.
    #[arg(long, env = "TOOLBEAM_MAX_MESSAGE_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub max_message_bytes: usize,
    /// The most calls that one connection may have in progress.
    #[arg(long, env = "TOOLBEAM_MAX_STREAMS", default_value_t = 1024)]
    pub max_streams: u32,
    /// How long calls in progress may take to end after a shutdown signal, in
    /// milliseconds. The default leaves some of the 30 seconds that Kubernetes gives.
    #[arg(long, env = "TOOLBEAM_DRAIN_MS", default_value_t = 25_000)]
    pub drain_ms: u64,
}

/// The flags' defaults, for a process that takes none.
impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig { max_message_bytes: 16 * 1024 * 1024, max_streams: 1024, drain_ms: 25_000 }
    }
}

/// A service ready to listen.
#[derive(Debug)]
pub struct Server {
    /// How to serve.
    pub config: ServerConfig,
    /// The gRPC services, without health and reflection, which are added.
    pub services: Routes,
    /// What the health service reports. The server turns it to NOT_SERVING at
    /// shutdown; saying SERVING is up to whoever warms the service up.
    pub health: Health,
    /// Cancelled when the drain time is over: what still runs should end at once and tell
    /// its callers why.
    pub overdue: CancellationToken,
}

impl Server {
    /// Serves until `shutdown` is ready. Then no connection is accepted any more,
    /// health says NOT_SERVING, and calls in progress have `drain_ms` to end. Those that
    /// still run are `overdue`, and a moment later go down with the runtime.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn run(self, listener: Listener, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (begin_drain, mut drain_begun) = oneshot::channel();
        let health = self.health.clone();
        let stop = async move {
            shutdown.await;
            health.not_serving().await;
            // The other side lives as long as this future.
            let _ = begin_drain.send(());
        };
        let drained = async {
            match (&mut drain_begun).await {
                Ok(()) => {}
                // Serving ended without a shutdown; the other branch says how.
                Err(_ended) => std::future::pending::<()>().await,
            }
            tokio::time::sleep(Duration::from_millis(self.config.drain_ms)).await;
            tracing::warn!(
                drain_ms = self.config.drain_ms,
                "calls were still in progress when the drain time was over"
            );
            self.overdue.cancel();
            tokio::time::sleep(FAREWELL).await;
        };
        let services = self.services.add_service(self.health.service());
        let services = with_reflection(services, self.health.services())?;
        let router = tonic::transport::Server::builder()
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .max_concurrent_streams(self.config.max_streams)
            // h2 ends a connection, with all its calls, whose caller gives up more than 20 calls that the
            // server has not seen yet. Many searches end so while a server has no time; as many calls may as
            // can be in progress.
            .http2_max_pending_accept_reset_streams(usize::try_from(self.config.max_streams).ok())
            .layer(MapResponseLayer::new(name_mistake))
            .add_routes(services);
        let serving = async move {
            match listener {
                Listener::Tcp(socket) => {
                    let incoming = TcpIncoming::from(socket).with_nodelay(Some(true));
                    router.serve_with_incoming_shutdown(incoming, stop).await
                }
                Listener::Memory(connections) => {
                    // A server without callers waits for new ones.
                    let incoming = ReceiverStream::new(connections)
                        .map(Ok::<_, Infallible>)
                        .chain(tokio_stream::pending());
                    router.serve_with_incoming_shutdown(incoming, stop).await
                }
            }
        };
        tokio::select! {
            ended = serving => Ok(ended?),
            () = drained => Ok(()),
        }
    }
}
