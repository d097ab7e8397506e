//! The client itself.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;
use toolbeam_proto::v1::scorer_service_client::ScorerServiceClient;
use toolbeam_proto::v1::search_service_client::SearchServiceClient;
use toolbeam_proto::v1::{
    CancelSearchRequest, GetSearchModelsRequest, GetSearchModelsResponse, ScoreRequest, ScoreResponse,
    SearchRequest, SearchResponse,
};

use crate::error::ClientError;
use crate::events::Events;

/// Bytes on their way to this client, of one call and of all calls.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;

/// How a client calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// The longest time to establish a connection.
    pub connect_timeout: Duration,
    /// How long a call may take. Sent along, so that the service stops searching
    /// in time and returns the best that it has.
    pub deadline: Duration,
    /// The largest message that is accepted or sent, in bytes.
    pub max_message_bytes: usize,
}

/// Two seconds to connect, a minute for a call, 16 MiB.
impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            connect_timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(60),
            max_message_bytes: 16 * 1024 * 1024,
        }
    }
}

/// A connection to a gateway. Clones share the connection; calls run side by
/// side, and a dropped call is cancelled at the service.
#[derive(Debug, Clone)]
pub struct Client {
    search: SearchServiceClient<Channel>,
    pub(crate) policy: PolicyServiceClient<Channel>,
    scorer: ScorerServiceClient<Channel>,
    health: HealthClient<Channel>,
    deadline: Duration,
}

impl Client {
    /// Connects to a gateway at `host:port` or `http://host:port`.
    ///
    /// # Errors
    /// The address is malformed, or nothing answers there.
    pub async fn connect(address: &str, config: ClientConfig) -> Result<Client, ClientError> {
        let uri = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let endpoint = Endpoint::from_shared(uri)
            .map_err(|_malformed| ClientError::Address { address: address.to_owned() })?;
        let channel = endpoint
            .connect_timeout(config.connect_timeout)
            .http2_keep_alive_interval(Duration::from_secs(10))
            // A stream that nobody reads for a while leaves room for the connection's other calls.
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|error| ClientError::Connect {
                address: address.to_owned(),
                reason: innermost(&error),
            })?;
        Ok(Client::over(channel, config))
    }

    /// A client over a channel that exists already. `connect_timeout` is the
    /// channel's own affair.
    pub fn over(channel: Channel, config: ClientConfig) -> Client {
        let search = SearchServiceClient::new(channel.clone())
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes);
        let policy = PolicyServiceClient::new(channel.clone())
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes);
        let scorer = ScorerServiceClient::new(channel.clone())
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes);
        Client { search, policy, scorer, health: HealthClient::new(channel), deadline: config.deadline }
    }

    /// Searches for the calls that should be made. No valid answer is a normal
    /// reply with `STOP_REASON_NO_VALID_ANSWER`.
    ///
    /// # Errors
    /// The service refused or failed, or the deadline passed.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse, ClientError> {
        let mut search = self.search.clone();
        self.within(request, |request| async move { search.search(request).await }).await
    }

    /// Searches, and tells what happens meanwhile. The search waits for a reader that is slow, and is
    /// cancelled when the events are dropped.
    ///
    /// # Errors
    /// The service refused the request, or the deadline passed before the search began. What fails
    /// later ends the events with the error.
    pub async fn search_stream(&self, request: SearchRequest) -> Result<Events, ClientError> {
        let mut search = self.search.clone();
        let began = tokio::time::Instant::now();
        let stream =
            self.within(request, |request| async move { search.search_stream(request).await }).await?;
        Ok(Events::new(stream, began, self.deadline))
    }

    /// Ends a running search; its caller gets [`Code::Cancelled`](tonic::Code). False if no search of
    /// this id is running.
    ///
    /// # Errors
    /// As for [`Client::search`].
    pub async fn cancel(&self, search_id: &str) -> Result<bool, ClientError> {
        let mut search = self.search.clone();
        let request = CancelSearchRequest { search_id: search_id.to_owned() };
        let reply =
            self.within(request, |request| async move { search.cancel_search(request).await }).await?;
        Ok(reply.cancelled)
    }

    /// Asks for the rewards of answers that are there. Only a scorer does this, and a Toolbeam that runs
    /// all services in one process; a gateway by itself answers UNIMPLEMENTED.
    ///
    /// # Errors
    /// As for [`Client::search`].
    pub async fn score(&self, request: ScoreRequest) -> Result<ScoreResponse, ClientError> {
        let mut scorer = self.scorer.clone();
        self.within(request, |request| async move { scorer.score(request).await }).await
    }

    /// Says which models the gateway searches with.
    ///
    /// # Errors
    /// As for [`Client::search`].
    pub async fn model_info(&self) -> Result<GetSearchModelsResponse, ClientError> {
        let mut search = self.search.clone();
        let request = GetSearchModelsRequest {};
        self.within(request, |request| async move { search.get_model_info(request).await }).await
    }

    /// Whether the gateway says that it is ready.
    ///
    /// # Errors
    /// As for [`Client::search`].
    pub async fn is_serving(&self) -> Result<bool, ClientError> {
        let mut health = self.health.clone();
        let request = HealthCheckRequest { service: String::new() };
        let reply = self.within(request, |request| async move { health.check(request).await }).await?;
        Ok(reply.status() == ServingStatus::Serving)
    }

    /// Makes one call with the deadline sent along and enforced here as well.
    pub(crate) async fn within<Q, R, F>(
        &self,
        message: Q,
        call: impl FnOnce(Request<Q>) -> F,
    ) -> Result<R, ClientError>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        let late = ClientError::Deadline { deadline: self.deadline };
        let began = tokio::time::Instant::now();
        match tokio::time::timeout(self.deadline, call(request)).await {
            Ok(Ok(reply)) => Ok(reply.into_inner()),
            Ok(Err(status)) => Err(ClientError::of_call(status, began, self.deadline)),
            Err(_elapsed) => Err(late),
        }
    }
}

/// The words of the innermost cause: the outer ones say "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
