//! Services that are written in a test and live in memory.

use std::sync::Arc;

use futures::stream;
use hyper_util::rt::TokioIo;
use tonic::transport::server::Router;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use toolbeam_client::v1::scorer_service_server::{ScorerService, ScorerServiceServer};
use toolbeam_client::{Client, ClientConfig, v1};

/// A channel to services in memory.
pub(crate) async fn channel(services: Router) -> Channel {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let incoming = stream::iter([Ok::<_, std::io::Error>(far)]);
    tokio::spawn(services.serve_with_incoming(incoming));
    let mut near = Some(near);
    Endpoint::from_static("http://memory")
        .connect_with_connector(tower::service_fn(move |_uri| {
            let connection = near.take().ok_or_else(|| std::io::Error::other("one connection"));
            async { connection.map(TokioIo::new) }
        }))
        .await
        .expect("connected")
}

/// The rewards of an answer's steps, to a prompt's first message.
type Rewards = dyn Fn(&[v1::Step], &str) -> Vec<f32> + Send + Sync;

struct Scorer(Arc<Rewards>);

/// A client of a scorer that gives these rewards, and refuses the prompt "fail".
pub(crate) async fn scorer(
    rewards: impl Fn(&[v1::Step], &str) -> Vec<f32> + Send + Sync + 'static,
) -> Client {
    let service = ScorerServiceServer::new(Scorer(Arc::new(rewards)));
    Client::over(channel(Server::builder().add_service(service)).await, ClientConfig::default())
}

#[tonic::async_trait]
impl ScorerService for Scorer {
    async fn score(&self, request: Request<v1::ScoreRequest>) -> Result<Response<v1::ScoreResponse>, Status> {
        let request = request.into_inner();
        let Some(v1::prompt_ref::Ref::Inline(prompt)) = request.prompt.and_then(|prompt| prompt.r#ref) else {
            return Err(Status::invalid_argument("no prompt"));
        };
        let query = &prompt.messages[0].content;
        if query == "fail" {
            return Err(Status::resource_exhausted("full; try again"));
        }
        let rewards = |answer: &v1::ParsedAnswer| {
            let rewards = self.0(&answer.steps, query).into_iter().enumerate();
            let rewards =
                rewards.map(|(step, reward)| v1::StepReward { step: step as u32, reward: Some(reward) });
            v1::AnswerRewards { rewards: rewards.collect(), ..Default::default() }
        };
        let answers = request.answers.iter().map(rewards).collect();
        Ok(Response::new(v1::ScoreResponse { answers, ..Default::default() }))
    }

    async fn release(&self, _: Request<v1::ReleaseRequest>) -> Result<Response<v1::ReleaseResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_model_info(
        &self,
        _: Request<v1::GetModelInfoRequest>,
    ) -> Result<Response<v1::GetModelInfoResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}
