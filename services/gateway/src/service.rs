//! The RPCs of `toolbeam.v1.SearchService`.

use std::sync::Arc;
use std::time::Instant;

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
        let request = request.into_inner();
        let (asked, began) = (request.search_id.clone(), Instant::now());
        let searched = self.0.search(request, deadline).await;
        log(&asked, &searched, began);
        Ok(Response::new(searched?))
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

/// One line per search. What was asked and answered is not in it.
fn log(asked: &str, searched: &Result<SearchResponse, GatewayError>, began: Instant) {
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    match searched {
        Ok(response) => {
            let usage = response.usage.unwrap_or_default();
            let policy_tokens = usage.policy.unwrap_or_default().decode_tokens;
            let reward_tokens = usage.reward.unwrap_or_default().answer_tokens;
            tracing::info!(
                search_id = response.search_id,
                stop_reason = response.stop_reason().as_str_name(),
                answers = response.answers.len(),
                rounds = usage.rounds,
                policy_tokens,
                reward_tokens,
                milliseconds,
                "search ended"
            );
        }
        Err(error) => tracing::warn!(search_id = asked, %error, milliseconds, "search failed"),
    }
}
