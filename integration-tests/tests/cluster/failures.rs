//! Services that die.

use std::time::{Duration, Instant};

use toolbeam_client::{ClientError, Code, v1};

use crate::queries::{QUERIES, request};
use crate::sandbox::{Cluster, scorer};

const DEADLINE: Duration = Duration::from_secs(20);

/// A search that takes a while.
fn long_request() -> v1::SearchRequest {
    let mut request = request(QUERIES[4], 1, true);
    request.strategy = Some(v1::Strategy {
        num_beams: Some(16),
        expansions_per_beam: Some(16),
        ..request.strategy.unwrap_or_default()
    });
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_scorer_is_unavailable_in_time_and_searches_work_again_when_it_is_back() {
    let cluster = Cluster::start();
    let client = cluster.gateway.client(DEADLINE).await;
    client.search(request(QUERIES[0], 0, false)).await.expect("the cluster works");

    let searching = tokio::spawn({
        let client = client.clone();
        async move { (Instant::now(), client.search(long_request()).await) }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!searching.is_finished(), "the search is in progress when its scorer dies");
    let address = cluster.scorer.kill();
    let (began, ended) = searching.await.expect("the search ends");
    assert_unavailable(&ended);
    assert!(began.elapsed() < DEADLINE);

    assert_unavailable(&client.search(request(QUERIES[0], 0, false)).await);
    let _scorer = scorer(&address);
    client.search(request(QUERIES[0], 0, false)).await.expect("searches work again");
}

fn assert_unavailable(ended: &Result<v1::SearchResponse, ClientError>) {
    match ended {
        Ok(response) => panic!("a search without a scorer answered: {response:?}"),
        Err(error) => assert_eq!(error.code(), Code::Unavailable, "{error}"),
    }
}
