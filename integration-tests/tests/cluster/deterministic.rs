//! What the same seed promises.

use std::time::Duration;

use futures::future::join_all;
use toolbeam_client::Client;

use crate::queries::{QUERIES, request, substance};
use crate::sandbox::{Node, serve};

const DEADLINE: Duration = Duration::from_secs(240);

/// Searches the first query, alone or among 31 others.
async fn first_of(client: &Client, others: u64, deterministic: bool) -> Vec<(String, Vec<Option<u32>>, u64)> {
    let searches = (0..=others).map(|seed| {
        let query = QUERIES[seed as usize % QUERIES.len()];
        client.search(request(query, seed, deterministic))
    });
    let mut responses = join_all(searches).await;
    substance(&responses.remove(0).expect("it answers"))
}

#[tokio::test(flavor = "multi_thread")]
async fn deterministic_searches_are_the_same_alone_and_among_31_others() {
    let node = serve();
    let client = node.client(DEADLINE).await;
    let alone = first_of(&client, 0, true).await;
    assert!(!alone.is_empty());
    assert_eq!(alone, first_of(&client, 31, true).await);
    assert_eq!(alone, first_of(&client, 0, true).await, "and again, with everything cached");
    let fresh = serve();
    assert_eq!(alone, first_of(&fresh.client(DEADLINE).await, 0, true).await, "and in another process");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_searches_may_differ_by_rounding_only() {
    // In bfloat16 rounding differs a thousand times as much; `cargo xtask bench agreement` measures it.
    let node = Node::start("serve", &["--listen", "127.0.0.1:0", "--threads", "1", "--dtype", "float32"]);
    let client = node.client(DEADLINE).await;
    let alone = join_all((0..24).map(async |seed| {
        let query = QUERIES[seed as usize % QUERIES.len()];
        client.search(request(query, seed, true)).await.expect("it answers")
    }));
    let together = join_all((0..24).map(async |seed| {
        let query = QUERIES[seed as usize % QUERIES.len()];
        client.search(request(query, seed, false)).await.expect("it answers")
    }));
    let (alone, together) = (alone.await, together.await);
    let same = alone.iter().zip(&together).filter(|(alone, together)| {
        let texts = |response| substance(response).into_iter().map(|(text, ..)| text).collect::<Vec<_>>();
        texts(alone) == texts(together)
    });
    let same = same.count();
    println!("{same} of {} searches gave the same answers with and without deterministic mode", alone.len());
    // Draws are keyed alike, so that only a draw on a rounding edge can differ.
    assert!(same * 10 >= alone.len() * 9);
}
