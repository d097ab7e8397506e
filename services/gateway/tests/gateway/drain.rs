//! A gateway that is told to stop, and one whose others are not there yet.

use std::time::Duration;

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolbeam_proto::v1::search_service_client::SearchServiceClient;

use crate::sandbox::{RIGHT, Sandbox, Setup, eventually, quick, request};

/// A search is in progress, its policy takes so long for each step, and the gateway drains so long.
async fn draining(delay: Duration, drain_ms: u64) -> (Sandbox, tokio::task::JoinHandle<Option<Code>>) {
    let mut setup = Setup { drain_ms, ..Setup::writing(&[RIGHT]) };
    setup.policy.delay = delay;
    let mut sandbox = setup.start();
    let mut client = sandbox.client.clone();
    let search =
        tokio::spawn(async move { client.search(request()).await.err().map(|status| status.code()) });
    eventually("the search", || sandbox.policy.get().calls == 1).await;
    sandbox.stop.take().expect("not stopped").send(()).expect("it runs");
    (sandbox, search)
}

#[tokio::test]
async fn a_search_in_progress_ends_and_no_other_begins() {
    let (sandbox, search) = draining(Duration::from_millis(150), 5_000).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut another = SearchServiceClient::new(sandbox.connector.channel(&quick()));
    let refused = another.search(request()).await.expect_err("it takes no more");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(search.await.expect("no panic"), None, "the first has its answer");
    sandbox.ended.await.expect("no panic").expect("it ended well");
}

#[tokio::test]
async fn a_search_that_does_not_end_in_time_is_unavailable() {
    let (sandbox, search) = draining(Duration::from_secs(60), 200).await;
    assert_eq!(search.await.expect("no panic"), Some(Code::Unavailable));
    sandbox.ended.await.expect("no panic").expect("it ended well");
    eventually("the policy's call to be dropped", || sandbox.policy.get().abandoned == 1).await;
}

#[tokio::test]
async fn a_gateway_is_ready_once_both_others_answer() {
    let check = async |scorer_up: bool, expected: ServingStatus| {
        let sandbox = Setup { scorer_up, ..Setup::writing(&[RIGHT]) }.start();
        let mut health = HealthClient::new(sandbox.connector.channel(&quick()));
        let mut status = ServingStatus::Unknown;
        for _ in 0..50 {
            let reply = health.check(HealthCheckRequest::default()).await.expect("health is served");
            status = reply.into_inner().status();
            if status == ServingStatus::Serving {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(status, expected, "scorer up: {scorer_up}");
    };
    check(true, ServingStatus::Serving).await;
    check(false, ServingStatus::NotServing).await;
}
