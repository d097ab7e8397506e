//! A gateway: the engine, the other services and the searches in progress.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tonic::service::Routes;
use tonic::transport::Channel;
use toolbeam_actors::{EngineConfig, SearchEngine, SearchEvent, SearchId, SearchSpec};
use toolbeam_proto::v1;
use toolbeam_proto::v1::search_service_server::{SERVICE_NAME, SearchServiceServer};
use toolbeam_search::Note;
use toolbeam_serve::{Health, Listener, ServeError, Server, ServerConfig};

use crate::config::GatewayConfig;
use crate::error::GatewayError;
use crate::models::Models;
use crate::request::{self, Plan};
use crate::response::{Circumstances, response};
use crate::service::Rpc;
use crate::trace;
use crate::upstream::{GrpcPolicy, GrpcScorer, PolicyClient, Release, ScorerClient, Session};

/// Events that wait for their search's own reader, which does nothing else.
// Evaluated by the compiler, which refuses a zero.
const EVENT_CAPACITY: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The largest part of a search's time that is kept for writing the response.
const LARGEST_MARGIN: Duration = Duration::from_millis(10);

/// A search service, ready to run.
#[derive(Debug)]
pub struct Gateway {
    config: GatewayConfig,
    server: ServerConfig,
    pub(crate) policy: PolicyClient,
    pub(crate) scorer: ScorerClient,
    engine: SearchEngine,
    places: Semaphore,
}

impl Gateway {
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
            // Places are counted here, where a caller waits for them; a cancelled search may still
            // be winding down there when its place is given to the next.
            max_searches: usize::MAX,
            event_capacity: EVENT_CAPACITY,
        };
        let engine = SearchEngine::start(engine, tokio::runtime::Handle::current())
            .map_err(|error| GatewayError::of_engine(error, config.retry_after()))?;
        let largest = server.max_message_bytes;
        Ok(Gateway {
            policy: PolicyClient::new(policy)
                .max_decoding_message_size(largest)
                .max_encoding_message_size(largest),
            scorer: ScorerClient::new(scorer)
                .max_decoding_message_size(largest)
                .max_encoding_message_size(largest),
            engine,
            places: Semaphore::new(config.max_searches.min(Semaphore::MAX_PERMITS)),
            config,
            server,
        })
    }

    /// Serves until `shutdown` is ready, then lets searches in progress end for a while.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn run(self, listener: Listener, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        self.run_with(Routes::default(), listener, shutdown).await
    }

    /// Serves searches, and the services `beside` them, as [`Gateway::run`] does.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn run_with(
        self,
        beside: Routes,
        listener: Listener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let health = Health::new(&[SERVICE_NAME]).await;
        // There is nothing to load.
        health.serving().await;
        let config = self.server.clone();
        let service = SearchServiceServer::new(Rpc(Arc::new(self)))
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes);
        let server = Server { config, services: beside.add_service(service), health };
        server.run(listener, shutdown).await
    }

    /// Searches. Dropping the future cancels the search.
    pub(crate) async fn search(
        &self,
        request: v1::SearchRequest,
        deadline: Option<Instant>,
    ) -> Result<v1::SearchResponse, GatewayError> {
        let began = Instant::now();
        let plan = request::read(request, &self.config)?;
        let _place = self
            .places
            .try_acquire()
            .map_err(|_full| GatewayError::Full { retry_after: self.config.retry_after() })?;
        let limit = began + plan.max_duration;
        let deadline = deadline.map_or(limit, |deadline| deadline.min(limit));
        timeout_at(deadline, self.run_search(plan, began, deadline))
            .await
            .map_err(|_elapsed| GatewayError::DeadlineExceeded)?
    }

    async fn run_search(
        &self,
        mut plan: Plan,
        began: Instant,
        deadline: Instant,
    ) -> Result<v1::SearchResponse, GatewayError> {
        let time = deadline.saturating_duration_since(began);
        let end = deadline - LARGEST_MARGIN.min(time / 10);
        let models = Models::ask(&self.policy, &self.scorer, Some(end)).await?;
        models.check(&mut plan)?;
        let prompt = Arc::new(plan.prompt);
        let policy = Arc::new(Session::new("policy", &plan.id, &models.policy, prompt.clone()));
        let scorer = Arc::new(Session::new("scorer", &plan.id, &models.scorer, prompt));
        let drawing = plan.drawing;
        let mut handle = self
            .engine
            .search(SearchSpec {
                id: SearchId::from(plan.id.as_str()),
                settings: plan.settings,
                policy: Arc::new(GrpcPolicy::new(self.policy.clone(), policy.clone(), drawing)),
                scorer: Arc::new(GrpcScorer::new(self.scorer.clone(), scorer.clone(), drawing.deterministic)),
                deadline: Some(end.into_std()),
                reserve: time * u32::from(self.config.reserve_percent) / 100,
            })
            .map_err(|error| GatewayError::of_engine(error, self.config.retry_after()))?;
        let _release =
            Release { search_id: plan.id.clone(), policy: self.policy.clone(), scorer: self.scorer.clone() };
        if !plan.trace {
            handle.events.close();
        }
        // The channel is taken out, so that both can be waited for.
        let mut events = std::mem::replace(&mut handle.events, mpsc::channel(1).1);
        let (outcome, rounds) = tokio::join!(handle.outcome(), rounds(&mut events));
        let outcome = outcome.map_err(|error| GatewayError::of_engine(error, self.config.retry_after()))?;
        response(
            outcome,
            Circumstances {
                search_id: plan.id,
                fingerprints: v1::ModelFingerprints {
                    policy: policy.used_fingerprint(),
                    scorer: scorer.used_fingerprint(),
                },
                rounds,
                expand_time: policy.waited(),
                score_time: scorer.waited(),
                total_time: began.elapsed(),
            },
        )
    }
}

/// The rounds that a search goes through, until it ends.
async fn rounds(events: &mut mpsc::Receiver<SearchEvent>) -> Vec<v1::RoundTrace> {
    let mut rounds = Vec::new();
    while let Some(event) = events.recv().await {
        match event.note {
            Note::Pruned(round) => rounds.push(trace::round(&round)),
            Note::Expanded { .. } | Note::Scored { .. } | Note::Committed { .. } => {}
        }
    }
    rounds
}
