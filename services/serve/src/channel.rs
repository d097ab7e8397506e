//! Channels to other services: lazy, reconnecting, and quick to notice a peer
//! that died.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::error::ServeError;

/// The most bytes that are on their way to a reader of one call, on both sides of a connection; HTTP/2's own
/// default, so that whoever writes soon waits for a reader that does not read.
pub(crate) const STREAM_WINDOW: u32 = (1 << 16) - 1;

/// The same of all calls of a connection. h2 holds this much of small messages that wait for their readers,
/// each counted as 256 bytes, to be an attack, half of it to be exact, and ends the connection with all its
/// calls: hundreds must fit, because they wait whenever a service has no time for a moment.
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;

/// How a service connects to another one.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ChannelConfig {
    /// The longest time to establish a connection, in milliseconds.
    #[arg(long, env = "TOOLBEAM_CONNECT_TIMEOUT_MS", default_value_t = 2_000)]
    pub connect_timeout_ms: u64,
    /// How often a connection with calls in progress is pinged, in milliseconds; 0 is never.
    #[arg(long, env = "TOOLBEAM_KEEP_ALIVE_INTERVAL_MS", default_value_t = 5_000)]
    pub keep_alive_interval_ms: u64,
    /// How long a ping may stay unanswered before the connection counts as dead
    /// and its calls fail as unavailable, in milliseconds.
    #[arg(long, env = "TOOLBEAM_KEEP_ALIVE_TIMEOUT_MS", default_value_t = 5_000)]
    pub keep_alive_timeout_ms: u64,
}

/// The flags' defaults, for a process that takes none.
impl Default for ChannelConfig {
    fn default() -> ChannelConfig {
        ChannelConfig {
            connect_timeout_ms: 2_000,
            keep_alive_interval_ms: 5_000,
            keep_alive_timeout_ms: 5_000,
        }
    }
}

impl ChannelConfig {
    /// Of channels within a process. There are no pings: a process that was stopped for a while, or had
    /// no time, would take itself for dead.
    pub fn within() -> ChannelConfig {
        ChannelConfig { keep_alive_interval_ms: 0, ..ChannelConfig::default() }
    }
}

/// A channel to `address` (`host:port` or `http://host:port`). It connects with
/// the first call and again after a connection was lost; a call without a
/// connection fails as unavailable within the connect timeout.
///
/// # Errors
/// The address is not a URI.
pub fn connect_lazy(address: &str, config: &ChannelConfig) -> Result<Channel, ServeError> {
    let uri = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(uri)
        .map_err(|source| ServeError::Address { address: address.to_owned(), source: source.into() })?;
    Ok(configured(endpoint, config).connect_lazy())
}

/// Applies the configuration to an endpoint, whatever it connects through.
pub(crate) fn configured(endpoint: Endpoint, config: &ChannelConfig) -> Endpoint {
    let endpoint = endpoint
        .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    if config.keep_alive_interval_ms == 0 {
        return endpoint;
    }
    endpoint
        .http2_keep_alive_interval(Duration::from_millis(config.keep_alive_interval_ms))
        .keep_alive_timeout(Duration::from_millis(config.keep_alive_timeout_ms))
}
