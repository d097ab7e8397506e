//! Searches that are given up at any moment, through real services with the reference weights: nothing
//! of them is left, counted.

mod services;

use std::time::Duration;

use futures::StreamExt;
use toolbeam_actors::Census;
use toolbeam_client::{Client, ClientConfig, ClientError, Code, v1};

use services::Services;

/// Searches at a time.
const TOGETHER: usize = 8;

/// The latest moment at which a search is given up: about as long as one takes.
const LATEST: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_searches_given_up_at_random_moments_leave_nothing() {
    give_up(100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes in a debug build"]
async fn a_thousand_searches_given_up_at_random_moments_leave_nothing() {
    give_up(1000).await;
}

/// How many searches ended in which way.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    cancelled: usize,
    dropped: usize,
    late: usize,
}

impl Tally {
    /// Those that did not come to their answer.
    fn given_up(&self) -> usize {
        self.cancelled + self.dropped + self.late
    }
}

/// Searches until so many were given up before they had an answer; those that run then are dropped.
async fn give_up(searches: usize) {
    let services = Services::start();
    let mut tally = Tally::default();
    let mut ends = futures::stream::iter(0..).map(|index| one(&services, index)).buffer_unordered(TOGETHER);
    while tally.given_up() < searches {
        match ends.next().await.expect("there is always another") {
            None => tally.dropped += 1,
            Some(Ok(())) => tally.answered += 1,
            Some(Err(error)) => match error.code() {
                Code::Cancelled => tally.cancelled += 1,
                Code::DeadlineExceeded => tally.late += 1,
                _ => panic!("{error}"),
            },
        }
    }
    drop(ends);
    println!("{tally:?}");
    assert!(tally.cancelled > 0 && tally.dropped > 0 && tally.late > 0, "{tally:?}");

    let census = services.engine_at_rest().await;
    let counters = services.engine.counters();
    println!("gateway: {census:?} {counters:?}");
    assert_eq!(census, Census::default());
    assert_eq!(counters.lost, 0);
    for model in &services.models {
        let left = services.model_at_rest(model).await;
        model.forget_all().expect("the model runs");
        let empty = model.census().await.expect("the model runs");
        println!(
            "{}: {} requests, {} sequences, {} claimed tokens, {} kept answers, {} KV bytes beside {} kept \
             prompts; {} of {} slots in use without those",
            model.info().name,
            left.requests,
            left.sequences,
            left.claimed_tokens,
            left.kept_answers,
            left.bytes_beside_prompts(),
            left.kept_prompts,
            empty.used_slots,
            empty.slots,
        );
        assert_eq!((left.requests, left.sequences, left.claimed_tokens, left.kept_answers), (0, 0, 0, 0));
        assert_eq!(left.bytes_beside_prompts(), 0);
        assert!(left.kept_prompts > 0, "the searches got as far as the models");
        assert_eq!(empty.used_slots, 0);
    }
}

/// One search that is given up at a moment that depends on `index` alone: by CancelSearch, by a caller
/// that goes away (`None`), by its deadline; as one call or as a stream.
async fn one(services: &Services, index: u64) -> Option<Result<(), ClientError>> {
    let moment = Duration::from_millis(random(index) % LATEST + 1);
    let way = index % 3;
    let deadline = if way == 2 { moment } else { Duration::from_secs(60) };
    let client = services.client(ClientConfig { deadline, ..ClientConfig::default() });
    let request = v1::SearchRequest { search_id: format!("search {index}"), ..services::request(index) };
    let search = search(client.clone(), request, index.is_multiple_of(2));
    match way {
        0 => {
            let (ended, cancelled) = tokio::join!(search, async {
                tokio::time::sleep(moment).await;
                client.cancel(&format!("search {index}")).await
            });
            cancelled.expect("a reply");
            Some(ended)
        }
        1 => tokio::time::timeout(moment, search).await.ok(),
        _ => Some(search.await),
    }
}

async fn search(client: Client, request: v1::SearchRequest, streamed: bool) -> Result<(), ClientError> {
    if streamed {
        let mut events = client.search_stream(request).await?;
        while events.next().await?.is_some() {}
        return Ok(());
    }
    client.search(request).await.map(drop)
}

/// Splitmix64.
fn random(index: u64) -> u64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
