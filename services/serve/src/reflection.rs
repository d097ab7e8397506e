//! Server reflection: clients such as grpcurl need no `.proto` files.

use tonic::service::Routes;
use tonic_reflection::server::Builder;

use crate::error::ServeError;

/// Adds reflection of these services, by their full names, of health and of itself: version 1, and
/// 1alpha for clients that know no other.
pub(crate) fn with_reflection(routes: Routes, services: &[String]) -> Result<Routes, ServeError> {
    let configured = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(toolbeam_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.iter().fold(builder, |builder, name| builder.with_service_name(name))
    };
    Ok(routes.add_service(configured().build_v1()?).add_service(configured().build_v1alpha()?))
}
