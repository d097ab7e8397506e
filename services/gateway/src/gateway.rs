//! A gateway: the engine, the other services and the searches in progress.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;
use toolbeam_actors::{EngineConfig, SearchEngine, SearchId};
use toolbeam_proto::v1::search_service_server::{SERVICE_NAME, SearchServiceServer};
use toolbeam_serve::{Health, Listener, ServeError, Server, ServerConfig};

use crate::config::GatewayConfig;
use crate::error::GatewayError;
use crate::models::Models;
use crate::reserve::Reserve;
use crate::service::Rpc;
use crate::upstream::{PolicyClient, ScorerClient};

/// Notes of a search that wait for its reader; when there are so many, the search waits as well.
// Evaluated by the compiler, which refuses a zero.
const NOTE_CAPACITY: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// How long the others may take to answer while the gateway waits to be ready, and the pause between.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// A search service, ready to run.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) config: GatewayConfig,
    server: ServerConfig,
    pub(crate) policy: PolicyClient,
    pub(crate) scorer: ScorerClient,
    pub(crate) engine: Arc<SearchEngine>,
    pub(crate) reserve: Arc<Reserve>,
    /// Cancelled when the time for draining is over.
    pub(crate) overdue: CancellationToken,
}

impl Gateway {
    /// The service's name, for health checks.
    pub const NAME: &str = SERVICE_NAME;

    /// Starts the engine on the current tokio runtime. The channels lead to the policy and to the
    /// scorer; they need not be connected.
    ///
    /// # Errors
    /// [`GatewayError::Start`] if the engine's threads cannot be had.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: GatewayConfig,
        server: ServerConfig,
        policy: Channel,
        scorer: Channel,
    ) -> Result<Gateway, GatewayError> {
        let engine = EngineConfig {
            arbiters: config.arbiters,
            max_searches: config.max_searches,
            note_capacity: NOTE_CAPACITY,
        };
        let engine = SearchEngine::start(engine, tokio::runtime::Handle::current())
            .map_err(GatewayError::of_engine)?;
        crate::metrics::describe();
        let largest = server.max_message_bytes;
        Ok(Gateway {
            policy: PolicyClient::new(policy)
                .max_decoding_message_size(largest)
                .max_encoding_message_size(largest),
            scorer: ScorerClient::new(scorer)
                .max_decoding_message_size(largest)
                .max_encoding_message_size(largest),
            engine: Arc::new(engine),
            reserve: Arc::new(Reserve::new(config.reserve_percent)),
            overdue: CancellationToken::new(),
            config,
            server,
        })
    }

    /// The engine that runs the searches, for whoever counts what it holds.
    pub fn engine(&self) -> Arc<SearchEngine> {
        Arc::clone(&self.engine)
    }

    /// Adds the search service to others.
    pub fn add_to(self: &Arc<Gateway>, services: Routes) -> Routes {
        let bytes = self.server.max_message_bytes;
        let service = SearchServiceServer::new(Rpc(Arc::clone(self)))
            .max_decoding_message_size(bytes)
            .max_encoding_message_size(bytes);
        services.add_service(service)
    }

    /// Ready once the policy and the scorer have both answered. They may go away again, which the
    /// searches themselves will say: a gateway that stopped serving then would help nobody.
    pub async fn ready(&self) {
        loop {
            let deadline = Some(Instant::now() + PATIENCE);
            match Models::ask(&self.policy, &self.scorer, deadline).await {
                Ok(_models) => return,
                Err(error) => tracing::debug!(%error, "not ready"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends every search; their callers get UNAVAILABLE.
    pub fn end_searches(&self) {
        self.overdue.cancel();
        self.engine.cancel_all();
    }

    /// Serves until `shutdown` is ready, then lets searches in progress end for a while.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn run(self, listener: Listener, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let gateway = Arc::new(self);
        let health = Health::new(&[Gateway::NAME]).await;
        let server = Server {
            config: gateway.server.clone(),
            services: gateway.add_to(Routes::default()),
            health: health.clone(),
            overdue: CancellationToken::new(),
        };
        let overdue = server.overdue.clone();
        let beside = async {
            gateway.ready().await;
            health.serving().await;
            tracing::info!("policy and scorer answer");
            overdue.cancelled().await;
            gateway.end_searches();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = server.run(listener, shutdown) => ended,
            () = beside => Ok(()),
        }
    }

    /// Ends a running search; false if none of this id is running.
    pub(crate) fn cancel(&self, search_id: &str) -> bool {
        self.engine.cancel(&SearchId::from(search_id))
    }
}
