//! Searches that go well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use toolbeam_actors::{EngineError, ExpandReply, ExpandRequest, PolicyPort, PortError, SearchSpec};

use crate::ports::{Manner, Model, begin, ended, engine, eventually, spec};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_searches_run_at_once() {
    let engine = engine(100, 10);
    let model = Model::new(Manner::Answers(20));
    let mut handles: Vec<_> =
        (0..100).map(|at| begin(&engine, &at.to_string(), spec(&model, &model)).expect("a search")).collect();
    eventually("most are running together", || model.busy.load(Ordering::SeqCst) > 50);
    for handle in &mut handles {
        assert_eq!(ended(handle).await, "Finished: f({})");
    }
    assert_eq!(engine.live(), 0);
    let counters = engine.counters();
    assert_eq!((counters.admitted, counters.ended, counters.lost), (100, 100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_before_it_begins() {
    let engine = engine(2, 10);
    let model = Model::new(Manner::Hangs);
    let first = begin(&engine, "first", spec(&model, &model)).expect("a search");
    let again = begin(&engine, "first", spec(&model, &model));
    assert!(matches!(again, Err(EngineError::DuplicateId(id)) if id == first.id));
    let mut unusable = spec(&model, &model);
    unusable.settings.num_beams = 0;
    let unusable = begin(&engine, "other", unusable).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(unusable, Err("settings: num_beams is 0: give a number from 1 to 64".into()));
    let _second = begin(&engine, "second", spec(&model, &model)).expect("a search");
    let third = begin(&engine, "third", spec(&model, &model));
    assert!(
        matches!(third, Err(EngineError::Full { max_searches: 2, retry_after }) if !retry_after.is_zero())
    );
    drop(first);
    eventually("the place is free again", || engine.live() == 1);
    begin(&engine, "first", spec(&model, &model)).expect("an id that is free again");
}

#[test]
fn the_bound_holds_whoever_enters_at_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let engine = engine(7, 10);
    let admitted: usize = std::thread::scope(|scope| {
        let enter = |thread: u32| {
            let engine = &engine;
            move || {
                let ids = (0..200).map(|at| format!("{thread}.{at}"));
                let mut held = Vec::new();
                held.extend(ids.filter_map(|id| engine.admit(id.as_str().into()).ok()));
                held
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(enter(thread))).collect();
        // Nobody gives a place back before all have tried.
        let held: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        held.iter().map(Vec::len).sum()
    });
    assert_eq!(admitted, 7);
    assert_eq!((engine.live(), engine.counters().withdrawn), (0, 7));
}

/// Says whether what it spawned and its future, once it had waited, ran where they may.
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
            // It is polled once where it was made; what waits goes on in the runtime.
            tokio::time::sleep(Duration::from_millis(1)).await;
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
        let spec = SearchSpec { policy: Arc::new(policy), ..spec(&model, &model) };
        let mut handle = begin(&engine, "one", spec).expect("a search");
        assert_eq!(ended(&mut handle).await, "Finished: f({})");
    });
    assert!(placed.load(Ordering::SeqCst));
}
