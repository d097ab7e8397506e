//! The RPCs of `toolbeam.v1.SearchService`.

use std::sync::Arc;

use tonic::{Request, Response};
use toolbeam_proto::v1::search_service_server::SearchService;
use toolbeam_proto::v1::{
    CancelSearchRequest, CancelSearchResponse, GetSearchModelsRequest, GetSearchModelsResponse, SearchEvent,
    SearchRequest, SearchResponse,
};
use toolbeam_serve::deadline;

use crate::error::{GatewayError, Reply, ReplyStream, unserved};
use crate::gateway::Gateway;
use crate::models::Models;

/// The service over a gateway.
#[derive(Debug)]
pub(crate) struct Rpc(pub(crate) Arc<Gateway>);

#[tonic::async_trait]
impl SearchService for Rpc {
    type SearchStreamStream = ReplyStream<SearchEvent>;

    /// Dropped when its caller goes, and the search with it.
    async fn search(&self, request: Request<SearchRequest>) -> Reply<SearchResponse> {
        let deadline = deadline(request.metadata())?;
        Ok(Response::new(self.0.search(request.into_inner(), deadline).await?))
    }

    async fn search_stream(&self, _request: Request<SearchRequest>) -> Reply<Self::SearchStreamStream> {
        Err(unserved("SearchStream", "call Search, with trace to see the rounds"))
    }

    async fn cancel_search(&self, _request: Request<CancelSearchRequest>) -> Reply<CancelSearchResponse> {
        Err(unserved("CancelSearch", "cancel the call of Search itself"))
    }

    async fn get_model_info(
        &self,
        request: Request<GetSearchModelsRequest>,
    ) -> Reply<GetSearchModelsResponse> {
        let deadline = deadline(request.metadata())?;
        let models = Models::ask(&self.0.policy, &self.0.scorer, deadline).await;
        Ok(Response::new(models.map_err(GatewayError::from)?.into()))
    }
}
