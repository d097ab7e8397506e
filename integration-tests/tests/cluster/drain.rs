//! Processes that are told to terminate.

use std::time::{Duration, Instant};

use toolbeam_client::{Client, ClientConfig, Code, v1};

use crate::queries::{QUERIES, request};
use crate::sandbox::{Node, serve};

/// A search that takes about a second.
fn long_request() -> v1::SearchRequest {
    let mut request = request(QUERIES[4], 1, true);
    let strategy = request.strategy.unwrap_or_default();
    request.strategy = Some(v1::Strategy { num_beams: Some(8), expansions_per_beam: Some(8), ..strategy });
    request
}

/// Starts a long search and waits until it runs.
async fn searching(node: &Node) -> tokio::task::JoinHandle<Result<v1::SearchResponse, Code>> {
    let client = node.client(Duration::from_secs(60)).await;
    let request = v1::SearchRequest { search_id: "long".into(), ..long_request() };
    let mut events = client.search_stream(request).await.expect("it begins");
    // The first event says that it runs.
    events.next().await.expect("an event").expect("one");
    tokio::spawn(async move {
        loop {
            match events.next().await {
                Ok(Some(event)) => {
                    if let toolbeam_client::Happening::Finished(response) = event.happening {
                        return Ok(*response);
                    }
                }
                Ok(None) => panic!("the stream ended without a response"),
                Err(error) => return Err(error.code()),
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_in_progress_is_answered_after_sigterm_and_no_other_begins() {
    let mut node = serve();
    let search = searching(&node).await;
    assert!(!search.is_finished());
    node.terminate();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let another = Client::connect(&node.address, ClientConfig::default()).await;
    assert_eq!(another.expect_err("it accepts nobody").code(), Code::Unavailable);
    search.await.expect("no panic").expect("the answer still arrives");
    assert_eq!(node.wait(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_outlasts_the_drain_is_unavailable() {
    let args = ["--listen", "127.0.0.1:0", "--threads", "1", "--drain-ms", "50"];
    let mut node = Node::start("serve", &args);
    let search = searching(&node).await;
    let began = Instant::now();
    node.terminate();
    assert_eq!(search.await.expect("no panic").err(), Some(Code::Unavailable));
    assert_eq!(node.wait(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once() {
    let mut node = serve();
    let search = searching(&node).await;
    node.terminate();
    tokio::time::sleep(Duration::from_millis(50)).await;
    node.terminate();
    assert_eq!(node.wait(), Some(1));
    assert!(search.await.expect("no panic").is_err());
}
