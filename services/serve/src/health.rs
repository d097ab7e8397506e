//! The state that `grpc.health.v1` reports.

use std::sync::Arc;

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Whether a server is ready, for itself (the empty name) and for each of its
/// services alike. Clones share their state.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<[String]>,
}

impl Health {
    /// NOT_SERVING until [`Health::serving`] is called, which is after load and
    /// warm-up. `services` are full names such as `toolbeam.v1.PolicyService`.
    pub async fn new(services: &[&str]) -> Health {
        let health = Health {
            reporter: HealthReporter::new(),
            services: std::iter::once("").chain(services.iter().copied()).map(str::to_owned).collect(),
        };
        health.not_serving().await;
        health
    }

    /// Says SERVING from now on.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// Says NOT_SERVING from now on, so that callers go elsewhere.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    /// The full names of the services.
    pub(crate) fn services(&self) -> &[String] {
        // The first is the server itself.
        &self.services[1..]
    }

    /// The service to add to a server's routes.
    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        for service in self.services.iter() {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
