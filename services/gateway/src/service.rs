//! The RPCs of `toolbeam.v1.SearchService`.

use std::sync::Arc;

use tonic::{Request, Response};
use toolbeam_proto::v1::search_service_server::SearchService;
use toolbeam_proto::v1::{
    CancelSearchRequest, CancelSearchResponse, GetSearchModelsRequest, GetSearchModelsResponse, SearchEvent,
    SearchRequest, SearchResponse,
};
use toolbeam_serve::{deadline, require_search_id};

use crate::error::{GatewayError, Reply, ReplyStream};
use crate::events::events;
use crate::gateway::Gateway;
use crate::metrics::Searching;
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
        let (asked, searching) = (request.search_id.clone(), Searching::begin());
        let searched = self.0.search(request, deadline).await;
        ended(&asked, searched.as_ref(), searching);
        Ok(Response::new(searched?))
    }

    async fn search_stream(&self, request: Request<SearchRequest>) -> Reply<Self::SearchStreamStream> {
        let deadline = deadline(request.metadata())?;
        let request = request.into_inner();
        let (asked, searching) = (request.search_id.clone(), Searching::begin());
        match self.0.begin(request, deadline, true).await {
            Ok(running) => {
                let after = move |searched: &Result<_, _>| ended(&asked, searched.as_ref(), searching);
                Ok(Response::new(events(running, after)))
            }
            Err(error) => {
                ended(&asked, Err(&error), searching);
                Err(error.into())
            }
        }
    }

    async fn cancel_search(&self, request: Request<CancelSearchRequest>) -> Reply<CancelSearchResponse> {
        let search_id = request.into_inner().search_id;
        require_search_id(&search_id).map_err(|wrong| GatewayError::Invalid(vec![wrong]))?;
        Ok(Response::new(CancelSearchResponse { cancelled: self.0.cancel(&search_id) }))
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

/// Counts a search that ended, and writes one line about it. What was asked and answered is not in it.
fn ended(asked: &str, searched: Result<&SearchResponse, &GatewayError>, mut searching: Searching) {
    searching.ended(searched);
    let milliseconds = searching.began().elapsed().as_secs_f64() * 1e3;
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
