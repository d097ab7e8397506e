//! A panic harms one search.

use std::sync::atomic::Ordering;

use crate::ports::{Manner, Model, begin, ended, engine, eventually, spec};

/// Runs a search with one faulty port among others that are well.
async fn check(policy: Manner, scorer: Manner, expected: &str) {
    let engine = engine(100, 10);
    let well = Model::new(Manner::Answers(20));
    let mut others: Vec<_> = (0..20)
        .map(|at| begin(&engine, &format!("before {at}"), spec(&well, &well)).expect("a search"))
        .collect();
    let (policy, scorer) = (Model::new(policy), Model::new(scorer));
    let mut harmed = begin(&engine, "harmed", spec(&policy, &scorer)).expect("a search");
    assert_eq!(ended(&mut harmed).await, expected);
    others.extend(
        (0..20).map(|at| begin(&engine, &format!("after {at}"), spec(&well, &well)).expect("a search")),
    );
    for other in &mut others {
        assert_eq!(ended(other).await, "Finished: f({})");
    }
    assert_eq!(engine.live(), 0);
    assert_eq!(engine.counters().lost, 0);
    eventually("nothing is left in the ports", || {
        policy.busy.load(Ordering::SeqCst) + scorer.busy.load(Ordering::SeqCst) == 0
    });
}

const PORT: &str = "Failed(Internal(\"a port panicked\")): ";
const NODE: &str = "Failed(Internal(\"a beam node panicked\")): ";

#[tokio::test(flavor = "multi_thread")]
async fn in_a_ports_future() {
    check(Manner::PanicsInFuture, Manner::Answers(0), PORT).await;
    check(Manner::Answers(0), Manner::PanicsInFuture, PORT).await;
    check(Manner::PanicsLater, Manner::Answers(0), PORT).await;
    check(Manner::Answers(0), Manner::PanicsLater, PORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_beam_nodes_handler() {
    check(Manner::PanicsInMethod, Manner::Answers(0), NODE).await;
    check(Manner::Answers(0), Manner::PanicsInMethod, NODE).await;
}
