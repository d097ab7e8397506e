//! Routes that come once a model is loaded. The listener is open before, so that probes are told
//! NOT_SERVING and callers UNAVAILABLE, and nobody waits for a connection that is not accepted.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::{Service, ServiceExt};

/// Routes that are empty until they are filled. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct LateRoutes(Arc<OnceLock<Routes>>);

impl LateRoutes {
    /// The routes to serve from the start. Until they are filled, every call is UNAVAILABLE.
    pub fn routes(&self) -> Routes {
        Routes::default().into_axum_router().fallback_service(self.clone()).into()
    }

    /// Serves `routes` from now on. The first stand.
    pub fn fill(&self, routes: Routes) {
        self.0.get_or_init(|| routes.prepare());
    }
}

impl<B> Service<http::Request<B>> for LateRoutes
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match self.0.get() {
            Some(routes) => routes.clone().oneshot(request.map(Body::new)).boxed(),
            None => {
                let loading = Status::unavailable("this service is still loading its model; try again");
                futures::future::ready(Ok(loading.into_http())).boxed()
            }
        }
    }
}
