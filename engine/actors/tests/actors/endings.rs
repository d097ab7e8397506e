//! Cancellation, deadlines, failures, and an engine that goes away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use toolbeam_actors::{Census, SearchSpec};

use crate::ports::{Manner, Model, begin, ended, engine, eventually, spec};

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_cancels_and_frees() {
    let engine = engine(10, 10);
    let (policy, scorer) = (Model::new(Manner::HangsWhenSampling), Model::new(Manner::Answers(0)));
    let handle = begin(&engine, "one", spec(&policy, &scorer)).expect("a search");
    eventually("a beam waits", || policy.busy.load(Ordering::SeqCst) == 1);
    let living = Census { searches: 1, coordinators: 1, beam_nodes: 1, calls: 1 };
    assert_eq!(engine.census(), living);
    drop(handle);
    eventually("nothing is left of the search", || engine.census() == Census::default());
    eventually("its work is cancelled", || policy.busy.load(Ordering::SeqCst) == 0);
    eventually("its ports are freed", || Arc::strong_count(&policy) == 1 && Arc::strong_count(&scorer) == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_cancelled_by_its_id() {
    let engine = engine(10, 10);
    let model = Model::new(Manner::Hangs);
    let mut handle = begin(&engine, "one", spec(&model, &model)).expect("a search");
    let waiting = engine.admit("admitted".into()).expect("a place");
    assert!(!engine.cancel(&"other".into()));
    assert!(engine.cancel(&"one".into()));
    assert!(engine.cancel(&"admitted".into()));
    waiting.cancelled().await;
    assert_eq!(ended(&mut handle).await, "Cancelled: ");
    assert!(!engine.cancel(&"one".into()));
    eventually("its work is cancelled", || model.busy.load(Ordering::SeqCst) == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_is_spent_on_finishing() {
    let engine = engine(10, 10);
    let (policy, scorer) = (Model::new(Manner::HangsWhenSampling), Model::new(Manner::Answers(0)));
    let spec = SearchSpec {
        deadline: Some(Instant::now() + Duration::from_secs(60)),
        reserve: Duration::from_millis(59_700),
        ..spec(&policy, &scorer)
    };
    let mut handle = begin(&engine, "one", spec).expect("a search");
    // Long before the deadline itself.
    assert_eq!(ended(&mut handle).await, "Deadline: f({})");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_ends_what_hangs() {
    let engine = engine(10, 10);
    let model = Model::new(Manner::Hangs);
    let near = Instant::now() + Duration::from_millis(100);
    for (id, deadline) in [("later", near), ("past", Instant::now())] {
        let spec = SearchSpec {
            deadline: Some(deadline),
            reserve: Duration::from_millis(50),
            ..spec(&model, &model)
        };
        let mut handle = begin(&engine, id, spec).expect("a search");
        assert_eq!(ended(&mut handle).await, "Deadline: ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_arrives_with_its_kind() {
    let engine = engine(10, 10);
    let (policy, scorer) = (Model::new(Manner::Answers(0)), Model::new(Manner::Fails));
    let mut handle = begin(&engine, "one", spec(&policy, &scorer)).expect("a search");
    assert_eq!(ended(&mut handle).await, "Failed(FailedPrecondition(\"other model\")): ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_dropped_loses_its_searches() {
    let engine = engine(10, 10);
    let model = Model::new(Manner::Hangs);
    let mut handle = begin(&engine, "one", spec(&model, &model)).expect("a search");
    eventually("it runs", || model.busy.load(Ordering::SeqCst) == 1);
    drop(engine);
    assert_eq!(ended(&mut handle).await, "search one was lost; try again");
    eventually("its work is cancelled", || model.busy.load(Ordering::SeqCst) == 0);
}
