//! What every service of Toolbeam shares: telemetry, listening, health,
//! shutdown, deadlines and rich errors. There is no business logic here.
//!
//! A service builds its tonic routes and hands them to a [`Server`]:
//!
//! ```
//! # use tokio_util::sync::CancellationToken;
//! # use tonic::service::Routes;
//! # use toolbeam_serve::{Health, Listener, ServeError, Server, ServerConfig};
//! # async fn example(config: ServerConfig, services: Routes) -> Result<(), ServeError> {
//! let health = Health::new(&["toolbeam.v1.PolicyService"]).await;
//! let server = Server { config, services, health: health.clone(), overdue: CancellationToken::new() };
//! let listener = Listener::tcp("127.0.0.1:0").await?;
//! health.serving().await; // after load and warm-up
//! server.run(listener, toolbeam_serve::shutdown_signal()).await
//! # }
//! ```
//!
//! With all roles in one process the same routes listen on [`memory()`], and
//! their callers connect through its [`MemoryConnector`]: one path for both.

mod channel;
mod deadline;
mod error;
mod health;
mod late;
mod listener;
mod metrics;
mod prompt;
mod reflection;
mod search_id;
mod server;
mod shutdown;
mod telemetry;
mod undecodable;

pub use channel::{ChannelConfig, connect_lazy};
pub use deadline::{TIMEOUT_HEADER, deadline, within};
pub use error::{
    ServeError, Violation, deadline_exceeded, detail, excerpt, invalid_argument, resource_exhausted,
    retry_after, violations, with_detail,
};
pub use health::Health;
pub use late::LateRoutes;
pub use listener::{Listener, MemoryConnector, memory};
pub use metrics::{MetricsConfig, serve_metrics};
pub use prompt::{Conversation, PromptError, PromptStore};
pub use search_id::{MAX_SEARCH_ID_BYTES, check_search_id, require_search_id};
pub use server::{Server, ServerConfig};
pub use shutdown::{exit, shutdown_signal};
pub use telemetry::{LogFormat, TelemetryConfig, init_telemetry};
pub use tokio_util::sync::CancellationToken;
