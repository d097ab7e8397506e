//! Searches that go well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use toolbeam_actors::{EngineError, ExpandReply, ExpandRequest, PolicyPort, PortError, SearchSpec};
use toolbeam_search::Note;

use crate::ports::{Manner, Model, ended, engine, eventually, spec};

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_and_tells_what_happens() {
    let engine = engine(10, 100);
    let model = Model::new(Manner::Answers(0));
    let mut handle = engine.search(spec("one", &model, &model)).expect("a search");
    assert_eq!(ended(&mut handle).await, "Finished: f({})");
    let mut told = Vec::new();
    while let Some(event) = handle.events.recv().await {
        let kind = match event.note {
            Note::Expanded { .. } => "expanded",
            Note::Scored { .. } => "scored",
            Note::Pruned(_) => "pruned",
            Note::Committed { .. } => "committed",
        };
        told.push((event.sequence, kind));
    }
    let expected = ["expanded", "scored", "pruned", "committed", "expanded", "scored", "pruned"];
    assert_eq!(told, (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!(engine.live(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_waits_for_no_watcher() {
    let engine = engine(10, 2);
    let model = Model::new(Manner::Answers(0));
    let mut handle = engine.search(spec("one", &model, &model)).expect("a search");
    assert_eq!(ended(&mut handle).await, "Finished: f({})");
    assert_eq!(handle.events.recv().await.map(|event| event.sequence), Some(1));
    assert_eq!(handle.events.recv().await.map(|event| event.sequence), Some(2));
    assert!(handle.events.recv().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_searches_run_at_once() {
    let engine = engine(100, 10);
    let model = Model::new(Manner::Answers(20));
    let mut handles: Vec<_> =
        (0..100).map(|at| engine.search(spec(&at.to_string(), &model, &model)).expect("a search")).collect();
    eventually("most are running together", || model.busy.load(Ordering::SeqCst) > 50);
    for handle in &mut handles {
        assert_eq!(ended(handle).await, "Finished: f({})");
    }
    assert_eq!(engine.live(), 0);
    let counters = engine.counters();
    assert_eq!((counters.started, counters.ended, counters.lost), (100, 100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_before_it_begins() {
    let engine = engine(2, 10);
    let model = Model::new(Manner::Hangs);
    let first = engine.search(spec("first", &model, &model)).expect("a search");
    let again = engine.search(spec("first", &model, &model));
    assert!(matches!(again, Err(EngineError::DuplicateId(id)) if id == first.id));
    let mut unusable = spec("other", &model, &model);
    unusable.settings.num_beams = 0;
    let unusable = engine.search(unusable).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(unusable, Err("settings: num_beams is 0: give a number from 1 to 64".into()));
    let _second = engine.search(spec("second", &model, &model)).expect("a search");
    let third = engine.search(spec("third", &model, &model));
    assert!(matches!(third, Err(EngineError::Full { max_searches: 2 })));
    drop(first);
    eventually("the place is free again", || engine.live() == 1);
    engine.search(spec("first", &model, &model)).expect("an id that is free again");
}

/// Says whether its method and its future both ran where they may.
struct Observant {
    inner: Arc<Model>,
    placed: Arc<AtomicBool>,
}

impl PolicyPort for Observant {
    fn expand(&self, request: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, PortError>> {
        // A port may spawn; what it spawns must run on the engine's runtime too.
        let spawned = tokio::spawn(async { std::thread::current().name().map(str::to_owned) });
        let reply = self.inner.expand(request);
        let placed = Arc::clone(&self.placed);
        Box::pin(async move {
            let here = std::thread::current().name().map(str::to_owned);
            let there = spawned.await.expect("a name");
            let ports = Some("ports".to_owned());
            placed.store(here == ports && there == ports, Ordering::SeqCst);
            reply.await
        })
    }
}

#[test]
fn ports_run_on_the_runtime_that_was_given() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("ports")
        .enable_all()
        .build()
        .expect("a runtime");
    let placed = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let engine = engine(1, 10);
        let model = Model::new(Manner::Answers(0));
        let policy = Observant { inner: Arc::clone(&model), placed: Arc::clone(&placed) };
        let spec = SearchSpec { policy: Arc::new(policy), ..spec("one", &model, &model) };
        let mut handle = engine.search(spec).expect("a search");
        assert_eq!(ended(&mut handle).await, "Finished: f({})");
    });
    assert!(placed.load(Ordering::SeqCst));
}
