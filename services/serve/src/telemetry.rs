//! Logs. Prompts and arguments never go there unless a service has an explicit
//! flag for it.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::ServeError;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct TelemetryConfig {
    /// How log lines are written.
    #[arg(long, env = "TOOLBEAM_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,toolbeam_gateway=debug`.
    #[arg(long, env = "TOOLBEAM_LOG", default_value = "info")]
    pub log_filter: String,
}

/// Sends the process's log to standard error. Called once, by `main`.
///
/// # Errors
/// The filter is malformed, or telemetry was already set up.
pub fn init_telemetry(config: &TelemetryConfig) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|source| ServeError::LogFilter { filter: config.log_filter.clone(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => builder.finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    }
    .map_err(|_already| ServeError::TelemetryTwice)
}
