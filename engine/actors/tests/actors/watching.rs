//! Watchers: who keeps up, who is slow, who goes away.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use toolbeam_actors::{Census, SearchSpec};
use toolbeam_search::Note;

use crate::ports::{Manner, Model, begin, ended, engine, eventually, spec};

/// Everything that a search of [`Model`] tells, in order.
const ALL: [&str; 7] =
    ["expanded 1", "scored 1", "pruned 1", "committed 1", "expanded 2", "scored 2", "pruned 2"];

fn line(note: &Note) -> String {
    match note {
        Note::Expanded { round, .. } => format!("expanded {round}"),
        Note::Scored { round, .. } => format!("scored {round}"),
        Note::Pruned(trace) => format!("pruned {}", trace.round),
        Note::Committed { round, .. } => format!("committed {round}"),
    }
}

async fn rest(notes: &mut mpsc::Receiver<Note>) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(note) = notes.recv().await {
        told.push(line(&note));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_is_told_everything_in_order_however_small_the_channel() {
    for capacity in [1, 2, 100] {
        let engine = engine(10, capacity);
        let model = Model::new(Manner::Answers(0));
        let spec = SearchSpec { watched: true, ..spec(&model, &model) };
        let mut handle = begin(&engine, "one", spec).expect("a search");
        let mut notes = handle.notes.take().expect("it is watched");
        let mut told = rest(&mut notes).await;
        let ending = handle.ending().await.expect("an end");
        told.extend(ending.unread.iter().map(line));
        assert_eq!(told, ALL, "capacity {capacity}");
        assert_eq!(ending.outcome.answers.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_waits_for_a_slow_watcher() {
    let engine = engine(10, 1);
    let (policy, scorer) = (Model::new(Manner::Answers(0)), Model::new(Manner::Answers(0)));
    let spec = SearchSpec { watched: true, ..spec(&policy, &scorer) };
    let mut handle = begin(&engine, "one", spec).expect("a search");
    let mut notes = handle.notes.take().expect("it is watched");
    // The second note does not fit, and the second round is not begun before it does.
    eventually("the first round is scored", || scorer.calls.load(Ordering::SeqCst) == 1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(policy.calls.load(Ordering::SeqCst), 1);
    assert_eq!(engine.live(), 1);
    let mut told = rest(&mut notes).await;
    let ending = handle.ending().await.expect("an end");
    told.extend(ending.unread.iter().map(line));
    assert_eq!(told, ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_holds_although_nobody_reads() {
    let engine = engine(10, 1);
    let model = Model::new(Manner::Answers(0));
    let spec = SearchSpec {
        watched: true,
        deadline: Some(Instant::now() + Duration::from_secs(60)),
        reserve: Duration::from_millis(59_700),
        ..spec(&model, &model)
    };
    let mut handle = begin(&engine, "one", spec).expect("a search");
    let mut notes = handle.notes.take().expect("it is watched");
    // The reserve finishes the answer, long before the deadline itself.
    let ending = handle.ending().await.expect("an end");
    assert_eq!(ending.outcome.answers.len(), 1);
    eventually("nothing is left of the search", || engine.census() == Census::default());
    // Whoever comes late is still told everything.
    let mut told = rest(&mut notes).await;
    assert_eq!(told.len(), 1, "{told:?}");
    told.extend(ending.unread.iter().map(line));
    let expected = ["expanded 1", "scored 1", "expanded 1"];
    assert_eq!(told[..2], expected[..2], "{told:?}");
    assert!(told.len() > 2, "the completion is told as well: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_goes_away_holds_nothing_up() {
    let engine = engine(10, 1);
    let model = Model::new(Manner::Answers(0));
    let spec = SearchSpec { watched: true, ..spec(&model, &model) };
    let mut handle = begin(&engine, "one", spec).expect("a search");
    eventually("the first round is scored", || model.calls.load(Ordering::SeqCst) >= 2);
    drop(handle.notes.take());
    assert_eq!(ended(&mut handle).await, "Finished: f({})");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_waits_for_its_watcher_can_be_cancelled() {
    let engine = engine(10, 1);
    let model = Model::new(Manner::Answers(0));
    let spec = SearchSpec { watched: true, ..spec(&model, &model) };
    let mut handle = begin(&engine, "one", spec).expect("a search");
    eventually("the first round is scored", || model.calls.load(Ordering::SeqCst) >= 2);
    assert!(engine.cancel(&"one".into()));
    assert_eq!(ended(&mut handle).await, "Cancelled: ");
    eventually("nothing is left of the search", || engine.census() == Census::default());
}
