//! Searches in trouble: services that are down, die, change, lie or take their time.

use std::time::{Duration, Instant};

use tonic::Code;
use toolbeam_proto::v1::{AnswerLayout, Limits, RewardKind, SearchRequest, Strategy, StrategyKind};
use toolbeam_serve::{retry_after, violations};

use crate::policy::FULL_DELAY;
use crate::sandbox::{RIGHT, Sandbox, Setup, WRONG, eventually, request};

fn by(kind: StrategyKind) -> SearchRequest {
    let strategy = Strategy { kind: kind.into(), ..Strategy::default() };
    SearchRequest { strategy: Some(strategy), ..request() }
}

/// A search fails with this code, well before its ten seconds are over.
async fn check(what: &str, setup: Setup, asked: SearchRequest, code: Code) {
    let sandbox = setup.start();
    let began = Instant::now();
    let status = sandbox.search(asked).await.expect_err("it fails");
    assert_eq!(status.code(), code, "{what}: {status:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{what}: {:?}", began.elapsed());
}

#[tokio::test]
async fn failures_have_their_codes() {
    let setup = |change: fn(&mut Setup)| {
        let mut setup = Setup::writing(&[WRONG, RIGHT]);
        change(&mut setup);
        setup
    };
    for kind in [StrategyKind::Greedy, StrategyKind::FineGrainedBeam] {
        let down = setup(|setup| setup.scorer_up = false);
        check("scorer down", down, by(kind), Code::Unavailable).await;
        let confused = setup(|setup| setup.policy.confused = true);
        check("unknown expansions", confused, by(kind), Code::Internal).await;
        let replaced = setup(|setup| setup.policy.replaced_after = Some(1));
        check("policy replaced", replaced, by(kind), Code::FailedPrecondition).await;
        let unknown = setup(|setup| setup.policy.layout = AnswerLayout::Unspecified);
        check("unknown layout", unknown, by(kind), Code::FailedPrecondition).await;
        let rewards = setup(|setup| setup.scorer.liked = 1.5);
        check("rewards beyond 1", rewards, by(kind), Code::Internal).await;
    }
    let replaced = setup(|setup| setup.scorer.replaced_after = Some(1));
    check("scorer replaced", replaced, request(), Code::FailedPrecondition).await;
    let outcome = setup(|setup| setup.scorer.kind = RewardKind::Orm);
    check("outcome rewards", outcome, request(), Code::FailedPrecondition).await;
    let scalar = setup(|setup| setup.scorer.kind = RewardKind::Toolrm);
    check("a scalar head", scalar, request(), Code::FailedPrecondition).await;
}

#[tokio::test]
async fn a_policy_that_dies_is_unavailable() {
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.delay = Duration::from_secs(60);
    let sandbox = setup.start();
    let began = Instant::now();
    let (policy, log) = (sandbox.policy_runtime, sandbox.policy.clone());
    let mut client = sandbox.client.clone();
    let search = tokio::spawn(async move { client.search(request()).await });
    eventually("the call to the policy", || log.get().calls == 1).await;
    drop(policy);
    let status = search.await.expect("no panic").expect_err("the policy is gone");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

/// Whether the policy computes nothing any more that nobody waits for.
fn all_abandoned(sandbox: &Sandbox) -> bool {
    let log = sandbox.policy.get();
    log.calls > 0 && log.abandoned == log.calls
}

#[tokio::test]
async fn a_deadline_with_nothing_complete_is_an_error() {
    let check = async |timeout: Duration, limit: Option<Duration>| {
        let mut setup = Setup::writing(&[RIGHT]);
        setup.policy.delay = Duration::from_secs(60);
        let sandbox = setup.start();
        let max_duration = limit.and_then(|limit| limit.try_into().ok());
        let limits = Some(Limits { max_duration, ..Limits::default() });
        let began = Instant::now();
        let asked = SearchRequest { limits, ..request() };
        let status = sandbox.search_within(asked, timeout).await.expect_err("too slow");
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        eventually("the policy's call to be dropped", || all_abandoned(&sandbox)).await;
    };
    check(Duration::from_millis(300), None).await;
    check(Duration::from_secs(30), Some(Duration::from_millis(300))).await;
    check(Duration::from_millis(300), Some(Duration::from_secs(30))).await;
}

#[tokio::test]
async fn a_full_gateway_says_when_to_come_back() {
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.delay = Duration::from_secs(60);
    setup.gateway.max_searches = 1;
    let sandbox = setup.start();
    let mut client = sandbox.client.clone();
    let first = tokio::spawn(async move { client.search(request()).await });
    eventually("the first search", || sandbox.policy.get().calls == 1).await;
    let status = sandbox.search(request()).await.expect_err("it is full");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(retry_after(&status) > Some(Duration::ZERO), "{status:?}");

    // A caller that goes away takes its search along and leaves its place to others.
    first.abort();
    eventually("the policy's call to be dropped", || all_abandoned(&sandbox)).await;
    eventually("the release", || sandbox.policy.get().released.len() == 1).await;
    let status = sandbox
        .search_within(request(), Duration::from_millis(200))
        .await
        .expect_err("the policy is as slow as before");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

#[tokio::test]
async fn the_id_of_a_running_search_is_taken() {
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.delay = Duration::from_millis(500);
    let sandbox = setup.start();
    let named = || SearchRequest { search_id: "twice".to_owned(), ..request() };
    let mut client = sandbox.client.clone();
    let first = tokio::spawn(async move { client.search(named()).await });
    eventually("the first search", || sandbox.policy.get().calls == 1).await;
    let status = sandbox.search(named()).await.expect_err("the id is taken");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(violations(&status)[0].field, "search_id");
    first.await.expect("no panic").expect("the first is not disturbed");
}

#[tokio::test]
async fn a_full_policy_is_asked_again_when_it_said() {
    let mut setup = Setup::writing(&[WRONG, RIGHT]);
    setup.policy.full_for = 2;
    let sandbox = setup.start();
    let began = Instant::now();
    let response = sandbox.search(request()).await.expect("it has room in the end");
    assert_eq!(response.answers[0].text, RIGHT.as_bytes());
    assert!(began.elapsed() >= 2 * FULL_DELAY, "{:?}", began.elapsed());

    // Without time for another try, the search ends as full and says when to come back.
    let mut setup = Setup::writing(&[RIGHT]);
    setup.policy.full_for = usize::MAX;
    let sandbox = setup.start();
    let status = sandbox.search_within(request(), Duration::from_millis(300)).await.expect_err("it is full");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(retry_after(&status), Some(FULL_DELAY));
}
