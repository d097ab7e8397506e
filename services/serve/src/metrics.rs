//! Metrics for Prometheus. The crates that do the work record them through the `metrics` facade; here they
//! get a listener.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::error::ServeError;

/// Upper bounds of times, in seconds: from a pass over a small model to the longest searches.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds of numbers of tokens.
const TOKENS: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Where metrics are to be had.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct MetricsConfig {
    /// Where Prometheus may fetch metrics over HTTP, such as 127.0.0.1:9464; nowhere by default. Whoever
    /// reaches it may read them.
    #[arg(long, env = "TOOLBEAM_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}

/// Serves the process's metrics on `/metrics` for as long as the current tokio runtime lives, if that is
/// asked for. Called once, before anything is counted: what was counted before is lost.
///
/// # Errors
/// The address cannot be had, or metrics are served already.
///
/// # Panics
/// Outside a tokio runtime.
pub fn serve_metrics(config: &MetricsConfig) -> Result<(), ServeError> {
    let Some(address) = config.metrics_listen else { return Ok(()) };
    let install = || {
        PrometheusBuilder::new()
            .with_http_listener(address)
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_tokens".to_owned()), &TOKENS)?
            .install()
    };
    install().map_err(|source| ServeError::Metrics { address, source: Box::new(source) })?;
    tracing::info!(%address, "serving metrics");
    Ok(())
}
