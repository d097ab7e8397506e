//! Ports in memory, and an engine to use them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use toolbeam_actors::{
    Ending, EngineConfig, EngineError, ExpandReply, ExpandRequest, PolicyPort, PortError, ScoreReply,
    ScoreRequest, ScorerPort, SearchEngine, SearchHandle, SearchSpec,
};
use toolbeam_search::{Continuation, Draw, Finish, Judgement, Limits, PolicyUsage, RewardUsage, Settings};

/// What a port does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// Answers after some milliseconds; with none, when it is first polled.
    Answers(u64),
    /// Never answers.
    Hangs,
    /// Answers greedy requests and the root, and never answers others.
    HangsWhenSampling,
    /// Fails.
    Fails,
    /// Panics before there is a future, which is inside the beam node's handler.
    PanicsInMethod,
    /// Panics in its future, when it is first polled.
    PanicsInFuture,
    /// Panics in its future after it had to wait.
    PanicsLater,
}

/// Both ports: writes `f()` in two expansions, and rewards everything with 0.9.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    manner: Manner,
    /// Calls in progress.
    pub(crate) busy: Arc<AtomicUsize>,
    /// Calls so far.
    pub(crate) calls: Arc<AtomicUsize>,
}

/// Counts a call as in progress until its future is dropped.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(busy: &Arc<AtomicUsize>) -> Busy {
        busy.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Model {
    pub(crate) fn new(manner: Manner) -> Arc<Model> {
        Arc::new(Model { manner, busy: Arc::default(), calls: Arc::default() })
    }

    fn call<T: Send + 'static>(&self, hangs: bool, reply: T) -> BoxFuture<'static, Result<T, PortError>> {
        assert!(self.manner != Manner::PanicsInMethod, "as asked for");
        let busy = Busy::new(&self.busy);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let manner = self.manner;
        Box::pin(async move {
            let _busy = busy;
            match manner {
                Manner::Answers(0) => {}
                Manner::Answers(delay) => tokio::time::sleep(Duration::from_millis(delay)).await,
                Manner::Hangs => std::future::pending().await,
                Manner::HangsWhenSampling if hangs => std::future::pending().await,
                Manner::HangsWhenSampling => {}
                Manner::Fails => return Err(PortError::FailedPrecondition("other model".into())),
                Manner::PanicsInMethod | Manner::PanicsInFuture => panic!("as asked for"),
                Manner::PanicsLater => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    panic!("as asked for");
                }
            }
            Ok(reply)
        })
    }
}

impl PolicyPort for Model {
    fn expand(&self, request: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, PortError>> {
        let root = request.answer.steps.is_empty();
        let text = if root { r#"[{"name":"f""# } else { r#","arguments":{}}]"# };
        let continuation = Continuation {
            token_ids: vec![1],
            text: text.into(),
            index: 0,
            count: request.expansions,
            log_probability: -1.0,
            finish: Finish::Step,
        };
        let usage = PolicyUsage { decode_tokens: 1, ..PolicyUsage::default() };
        let hangs = request.draw == Draw::Sample && !root;
        self.call(hangs, ExpandReply { continuations: vec![continuation], usage })
    }
}

impl ScorerPort for Model {
    fn score(&self, request: ScoreRequest) -> BoxFuture<'static, Result<ScoreReply, PortError>> {
        let judgements = request
            .candidates
            .iter()
            .map(|(answer, first)| Judgement::Rewards(vec![Some(0.9); answer.steps.len() - first]))
            .collect();
        self.call(false, ScoreReply { judgements, usage: RewardUsage::default() })
    }
}

/// An engine with two arbiters.
pub(crate) fn engine(max_searches: usize, note_capacity: usize) -> SearchEngine {
    let two = NonZeroUsize::MIN.saturating_add(1);
    let config = EngineConfig {
        arbiters: two,
        max_searches,
        note_capacity: NonZeroUsize::new(note_capacity).expect("not zero"),
    };
    SearchEngine::start(config, Handle::current()).expect("an engine")
}

/// Begins a search by id, as `spec` says.
pub(crate) fn begin(engine: &SearchEngine, id: &str, spec: SearchSpec) -> Result<SearchHandle, EngineError> {
    engine.search(engine.admit(id.into())?, spec)
}

/// A search with two beams that nobody watches.
pub(crate) fn spec(policy: &Arc<Model>, scorer: &Arc<Model>) -> SearchSpec {
    SearchSpec {
        settings: Settings {
            num_beams: 2,
            expansions_per_beam: 3,
            limits: Limits { max_rounds: 10, max_policy_tokens: 1000, max_reward_tokens: 1000 },
            ..Settings::default()
        },
        policy: Arc::clone(policy) as Arc<dyn PolicyPort>,
        scorer: Arc::clone(scorer) as Arc<dyn ScorerPort>,
        deadline: None,
        reserve: Duration::ZERO,
        watched: false,
    }
}

/// The end of a search in a line.
pub(crate) async fn ended(handle: &mut SearchHandle) -> String {
    let ending = tokio::time::timeout(Duration::from_secs(20), handle.ending());
    match ending.await.expect("an end within 20 s") {
        Ok(Ending { outcome, .. }) => {
            let calls = outcome.answers.iter().flat_map(|answer| &answer.calls);
            let calls: Vec<String> =
                calls.map(|call| format!("{}({})", call.name, call.arguments_json())).collect();
            format!("{:?}: {}", outcome.stop_reason, calls.join(" "))
        }
        Err(error) => error.to_string(),
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}
