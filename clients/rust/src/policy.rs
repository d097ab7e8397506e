//! Asking a policy itself, without a search.

use toolbeam_proto::v1;
use toolbeam_proto::v1::{ExpandRequest, GetModelInfoRequest, GetModelInfoResponse};

use crate::client::Client;
use crate::error::ClientError;

/// What a policy made of partial answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Continuations {
    /// The distinct continuations, in the order in which they ended. Each says which expansions it is.
    pub continuations: Vec<v1::Continuation>,
    /// What they cost.
    pub usage: v1::PolicyUsage,
    /// The model that made them.
    pub model_fingerprint: String,
    /// Names the prompt in later requests.
    pub prompt_digest: Vec<u8>,
}

impl Client {
    /// Asks for continuations of partial answers, and waits for all of them. Only a policy does this, and a
    /// Toolbeam that runs all services in one process; a gateway by itself answers UNIMPLEMENTED.
    ///
    /// # Errors
    /// As for [`Client::search`].
    pub async fn expand(&self, request: ExpandRequest) -> Result<Continuations, ClientError> {
        let mut policy = self.policy.clone();
        self.within(request, |request| async move {
            let mut stream = policy.expand(request).await?.into_inner();
            let mut all = Continuations::default();
            while let Some(reply) = stream.message().await? {
                all.continuations.extend(reply.continuations);
                all.usage = reply.usage.unwrap_or(all.usage);
                all.model_fingerprint = reply.model_fingerprint;
                all.prompt_digest = reply.prompt_digest;
            }
            Ok(tonic::Response::new(all))
        })
        .await
    }

    /// Says which model a policy serves.
    ///
    /// # Errors
    /// As for [`Client::expand`].
    pub async fn policy_info(&self) -> Result<GetModelInfoResponse, ClientError> {
        let mut policy = self.policy.clone();
        let request = GetModelInfoRequest {};
        self.within(request, |request| async move { policy.get_model_info(request).await }).await
    }
}
