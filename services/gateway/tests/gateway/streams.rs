//! Searches as streams of events, and their cancellation.

use std::time::{Duration, Instant};

use tonic::{Code, Status, Streaming};
use toolbeam_proto::v1::search_event::Event;
use toolbeam_proto::v1::{
    Limits, SearchEvent, SearchRequest, StopReason, Strategy, StrategyKind, Validation,
};
use toolbeam_serve::violations;

use crate::sandbox::{RIGHT, Sandbox, Setup, WRONG, eventually, request};

fn named(search_id: &str) -> SearchRequest {
    SearchRequest { search_id: search_id.to_owned(), ..request() }
}

/// Reads to the end: the events, and how the stream ended.
async fn read(mut stream: Streaming<SearchEvent>) -> (Vec<SearchEvent>, Option<Status>) {
    let mut events = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(status) => return (events, Some(status)),
        }
    }
}

/// Numbers without gaps, one id, rounds that never fall, and one response, at the end.
fn check_order(events: &[SearchEvent], search_id: &str) {
    let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(events.iter().all(|event| event.search_id == search_id && event.round > 0));
    assert!(events.is_sorted_by_key(|event| event.round));
    let finished = |event: &SearchEvent| matches!(event.event, Some(Event::Finished(_)));
    assert!(finished(events.last().expect("events")));
    assert_eq!(events.iter().filter(|event| finished(event)).count(), 1);
}

fn kind(event: &SearchEvent) -> &'static str {
    match event.event.as_ref().expect("an event") {
        Event::Expanded(_) => "expanded",
        Event::Scored(_) => "scored",
        Event::Pruned(_) => "pruned",
        Event::Committed(_) => "committed",
        Event::Finished(_) => "finished",
    }
}

#[tokio::test]
async fn a_stream_tells_everything_and_ends_with_the_response() {
    let sandbox = Setup::writing(&[WRONG, RIGHT]).start();
    let stream = sandbox.stream(named("told")).await.expect("a stream");
    let (events, error) = read(stream).await;
    assert!(error.is_none(), "{error:?}");
    check_order(&events, "told");
    let traced = SearchRequest { trace: true, ..named("asked") };
    let asked = sandbox.search(traced).await.expect("a response");

    let mut rounds = Vec::new();
    let mut committed = 0;
    for event in &events {
        match event.event.as_ref().expect("an event") {
            Event::Pruned(pruned) => rounds.push(pruned.round.clone().expect("a round")),
            Event::Committed(more) => {
                assert_eq!(more.first_step, committed);
                committed += more.steps.len() as u32;
            }
            Event::Finished(response) => {
                assert_eq!(response.answers, asked.answers);
                assert_eq!(response.stop_reason, asked.stop_reason);
                assert!(response.rounds.is_empty(), "the rounds were told");
                let steps = &response.answers[0].steps;
                assert!((1..=steps.len() as u32).contains(&committed), "{committed}");
            }
            Event::Expanded(_) | Event::Scored(_) => {}
        }
    }
    assert_eq!(rounds, asked.rounds);
    let first: Vec<&str> = events.iter().filter(|event| event.round == 1).map(kind).collect();
    assert_eq!(first, ["expanded", "scored", "pruned", "committed"]);
}

#[tokio::test]
async fn a_greedy_stream_tells_the_answer_as_it_grows() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let strategy = Strategy { kind: StrategyKind::Greedy.into(), ..Strategy::default() };
    let asked = SearchRequest { strategy: Some(strategy), ..named("greedy") };
    let (events, error) = read(sandbox.stream(asked).await.expect("a stream")).await;
    assert!(error.is_none(), "{error:?}");
    check_order(&events, "greedy");
    assert!(events.iter().filter(|event| kind(event) == "committed").count() >= 3, "{events:?}");
}

#[tokio::test]
async fn a_stream_fails_as_a_search_does() {
    let check = async |what: &str, setup: fn() -> Setup, asked: SearchRequest| {
        let searched = setup().start().search(asked.clone()).await.expect_err(what);
        let streamed = match setup().start().stream(asked).await {
            Ok(stream) => read(stream).await.1.expect(what),
            Err(status) => status,
        };
        assert_eq!(streamed.code(), searched.code(), "{what}");
        assert_eq!(streamed.message(), searched.message(), "{what}");
        assert_eq!(violations(&streamed), violations(&searched), "{what}");
    };
    let well = || Setup::writing(&[WRONG, RIGHT]);
    check("no prompt", well, SearchRequest { prompt: None, ..request() }).await;
    check("another model", well, SearchRequest { model: "another".to_owned(), ..request() }).await;
    let down = || Setup { scorer_up: false, ..Setup::writing(&[RIGHT]) };
    check("scorer down", down, request()).await;
    let confused = || {
        let mut setup = Setup::writing(&[RIGHT]);
        setup.policy.confused = true;
        setup
    };
    check("a policy that is confused", confused, request()).await;
}

/// A policy that writes ten arguments of 10 kB, far more than the transport buffers.
fn talkative() -> Setup {
    let long = "x".repeat(10_000);
    let arguments: Vec<String> = (0..10).map(|index| format!(r#""a{index}": "{long}""#)).collect();
    let answer = format!(r#"[{{"name": "get_weather", "arguments": {{{}}}}}]"#, arguments.join(", "));
    Setup::writing(&[Box::leak(answer.into_boxed_str())])
}

#[tokio::test]
async fn a_search_waits_for_its_reader_but_not_beyond_its_time() {
    let sandbox = talkative().start();
    let one = Strategy { num_beams: Some(1), expansions_per_beam: Some(1), ..Strategy::default() };
    let asked = SearchRequest { strategy: Some(one), validation: Validation::Syntax.into(), ..request() };
    let (events, error) = read(sandbox.stream(asked.clone()).await.expect("a stream")).await;
    assert!(error.is_none(), "{error:?}");
    check_order(&events, &events[0].search_id);
    let calls = sandbox.policy.get().calls;
    assert!(calls >= 11, "{calls}");

    let limits = Limits { max_duration: Duration::from_secs(4).try_into().ok(), ..Limits::default() };
    let asked = SearchRequest { limits: Some(limits), ..asked };
    let stream = sandbox.stream(asked).await.expect("a stream");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let so_far = sandbox.policy.get().calls - calls;
    println!("{so_far} of {calls} calls while nobody reads");
    assert!((1..calls).contains(&so_far), "{so_far} of {calls}");
    assert_eq!(sandbox.policy.get().released.len(), 1, "it still waits");
    eventually("the second release", || sandbox.policy.get().released.len() == 2).await;
    // What was told and not read is still there, and so is the end.
    let (events, error) = read(stream).await;
    println!("{} events were read late, {error:?}", events.len());
    assert!(events.len() > so_far, "{}", events.len());
    match error {
        None => check_order(&events, &events[0].search_id),
        Some(late) => assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}"),
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_its_search() {
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.delay = Duration::from_millis(100);
    let sandbox = setup.start();
    let mut stream = sandbox.stream(named("left")).await.expect("a stream");
    stream.message().await.expect("an event").expect("the first");
    drop(stream);
    eventually("the release", || sandbox.policy.get().released.len() == 1).await;
    assert!(!sandbox.cancel("left").await.expect("a reply"), "it is over");
}

/// A policy that takes a minute for each step.
fn slow() -> Sandbox {
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.delay = Duration::from_secs(60);
    setup.start()
}

#[tokio::test]
async fn a_search_is_cancelled_by_its_id() {
    let sandbox = slow();
    let began = Instant::now();
    assert!(!sandbox.cancel("one").await.expect("a reply"), "nothing runs");
    let (searched, cancelled) = tokio::join!(sandbox.search(named("one")), async {
        eventually("the search", || sandbox.policy.get().calls == 1).await;
        sandbox.cancel("one").await
    });
    assert!(cancelled.expect("a reply"));
    let status = searched.expect_err("it was cancelled");
    assert_eq!(status.code(), Code::Cancelled, "{status:?}");
    assert!(!sandbox.cancel("one").await.expect("a reply"), "it is over");

    let stream = sandbox.stream(named("two")).await.expect("a stream");
    eventually("the stream", || sandbox.policy.get().calls == 2).await;
    assert!(sandbox.cancel("two").await.expect("a reply"));
    let status = read(stream).await.1.expect("it was cancelled");
    assert_eq!(status.code(), Code::Cancelled, "{status:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());

    eventually("all calls to be dropped", || sandbox.policy.get().abandoned == 2).await;
    eventually("both releases", || sandbox.policy.get().released.len() == 2).await;
    let nameless = sandbox.cancel("").await.expect_err("no id");
    assert_eq!(violations(&nameless)[0].field, "search_id");
}

#[tokio::test]
async fn an_id_can_be_used_again() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    for _ in 0..3 {
        let response = sandbox.search(named("again")).await.expect("the id is free");
        assert_eq!(response.stop_reason(), StopReason::Finished);
    }
    eventually("the releases", || sandbox.policy.get().released.len() == 3).await;
    let released = sandbox.policy.get().released.clone();
    assert!(released[0] != released[1] && released[1] != released[2], "{released:?}");
}
