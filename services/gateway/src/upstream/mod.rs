//! The ports of one search: gRPC to the policy and to the scorer.

mod attempts;
mod policy;
mod prompt;
mod release;
mod scorer;
mod session;
mod stopwatch;

pub(crate) use attempts::{attempts, timed};
pub(crate) use policy::GrpcPolicy;
pub(crate) use release::Release;
pub(crate) use scorer::GrpcScorer;
pub(crate) use session::Session;

use tonic::transport::Channel;
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;
use toolbeam_proto::v1::scorer_service_client::ScorerServiceClient;

/// A client of the policy service.
pub(crate) type PolicyClient = PolicyServiceClient<Channel>;

/// A client of the scorer service.
pub(crate) type ScorerClient = ScorerServiceClient<Channel>;
