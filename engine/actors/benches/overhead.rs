//! What the engine itself costs: `cargo bench -p toolbeam-actors`.
//!
//! Ports that compute nothing answer at once, or after 100 ms. It prints rounds per second of processor time
//! (engine, actors and ports together), bytes of memory per search in progress, and the time from a port's reply
//! to the next call of the same search. Processor time and memory are read from `/proc`, so on Linux.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::runtime::Handle;
use toolbeam_actors::{
    EngineConfig, ExpandReply, ExpandRequest, PolicyPort, PortError, ScoreReply, ScoreRequest, ScorerPort,
    SearchEngine, SearchHandle, SearchSpec,
};
use toolbeam_search::{Answer, Continuation, Finish, Judgement, Limits, PolicyUsage, RewardUsage, Settings};

/// Arguments of the call that is found.
const ARGUMENTS: usize = 12;

/// Searches for throughput, and how many of them at a time.
const SEARCHES: usize = 512;
const AT_ONCE: usize = 32;

/// Searches in progress together over slow ports.
const TOGETHER: usize = 1000;

/// Clock ticks of `/proc/self/stat` per second, on every Linux.
const TICKS: f64 = 100.0;

/// The bytes of a page, which `/proc/self/statm` counts.
const PAGE: f64 = 4096.0;

/// Answers after a while, and notes how long a search took to call again.
struct Ports {
    delay: Duration,
    replied: Mutex<Option<Instant>>,
    gaps: Mutex<Vec<Duration>>,
}

impl Ports {
    fn new(delay: Duration) -> Arc<Ports> {
        Arc::new(Ports { delay, replied: Mutex::default(), gaps: Mutex::default() })
    }

    fn reply<T: Send + 'static>(self: Arc<Ports>, reply: T) -> BoxFuture<'static, Result<T, PortError>> {
        if let Some(replied) = self.replied.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.gaps.lock().unwrap_or_else(PoisonError::into_inner).push(replied.elapsed());
        }
        async move {
            if self.delay > Duration::ZERO {
                tokio::time::sleep(self.delay).await;
            }
            *self.replied.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            Ok(reply)
        }
        .boxed()
    }
}

/// One search's ports; a port knows itself only behind a reference.
struct Port(Arc<Ports>);

impl PolicyPort for Port {
    fn expand(&self, request: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, PortError>> {
        let continuation = |index: u32| Continuation {
            token_ids: (0..10).collect(),
            text: step(&request.answer, index % 6).into_bytes(),
            index,
            count: 1,
            log_probability: -f64::from(index),
            finish: Finish::Step,
        };
        let continuations = (0..request.expansions).map(continuation).collect();
        Arc::clone(&self.0).reply(ExpandReply { continuations, usage: PolicyUsage::default() })
    }
}

impl ScorerPort for Port {
    fn score(&self, request: ScoreRequest) -> BoxFuture<'static, Result<ScoreReply, PortError>> {
        let judge = |(answer, first): &(Arc<Answer>, usize)| {
            let last = answer.text.iter().map(|byte| u32::from(*byte)).sum::<u32>();
            Judgement::Rewards(vec![Some((last % 997) as f32 / 997.0); answer.steps.len() - first])
        };
        let judgements = request.candidates.iter().map(judge).collect();
        Arc::clone(&self.0).reply(ScoreReply { judgements, usage: RewardUsage::default() })
    }
}

/// A name, arguments of 40 bytes, the end.
fn step(answer: &Answer, value: u32) -> String {
    match answer.steps.len() {
        0 => format!(r#"[{{"name": "function_{value}_with_a_longer_name""#),
        1 => format!(r#", "arguments": {{"argument_00": "value {value}""#),
        step if step <= ARGUMENTS => format!(r#", "argument_{step:02}": "value {value} of 40 bytes""#),
        step if step == ARGUMENTS + 1 => "}".to_owned(),
        _ => "}]".to_owned(),
    }
}

fn begin(engine: &SearchEngine, id: usize, beams: u32, ports: &Arc<Ports>) -> SearchHandle {
    let limits = Limits { max_rounds: 100, max_policy_tokens: u64::MAX, max_reward_tokens: u64::MAX };
    let spec = SearchSpec {
        settings: Settings { num_beams: beams, expansions_per_beam: 8, limits, ..Settings::default() },
        policy: Arc::new(Port(Arc::clone(ports))),
        scorer: Arc::new(Port(Arc::clone(ports))),
        deadline: None,
        reserve: Duration::ZERO,
        watched: false,
    };
    let admission = engine.admit(id.to_string().as_str().into()).expect("a free place");
    engine.search(admission, spec).expect("valid settings")
}

fn engine() -> SearchEngine {
    let config = EngineConfig {
        arbiters: NonZeroUsize::MIN,
        max_searches: TOGETHER,
        note_capacity: NonZeroUsize::MIN,
    };
    SearchEngine::start(config, Handle::current()).expect("an engine")
}

async fn rounds_of(mut handle: SearchHandle) -> u32 {
    handle.ending().await.expect("an outcome").outcome.rounds
}

/// Rounds per second of processor time, over ports that answer at once: N = 4, M = 8.
async fn throughput() -> f64 {
    let engine = engine();
    let (began, mut rounds) = (processor_seconds(), 0);
    for batch in 0..SEARCHES / AT_ONCE {
        let ids = batch * AT_ONCE..(batch + 1) * AT_ONCE;
        let searches = ids.map(|id| rounds_of(begin(&engine, id, 4, &Ports::new(Duration::ZERO))));
        rounds += join_all(searches).await.into_iter().sum::<u32>();
    }
    f64::from(rounds) / (processor_seconds() - began)
}

/// Bytes of memory per search in its third round, N = 4, M = 8.
async fn memory() -> f64 {
    let engine = engine();
    let before = resident();
    let delay = Duration::from_millis(400);
    let searches: Vec<_> = (0..TOGETHER).map(|id| begin(&engine, id, 4, &Ports::new(delay))).collect();
    tokio::time::sleep(delay * 5).await;
    let bytes = (resident() - before) / TOGETHER as f64;
    drop(searches);
    bytes
}

/// Times from a reply to the next call of the same search, N = 1, M = 8, ports that answer after 100 ms.
async fn gaps() -> Vec<Duration> {
    let engine = engine();
    let ports: Vec<_> = (0..TOGETHER).map(|_| Ports::new(Duration::from_millis(100))).collect();
    let mut searches = Vec::new();
    for (id, ports) in ports.iter().enumerate() {
        searches.push(rounds_of(begin(&engine, id, 1, ports)));
        // Callers do not come all at once.
        if id % 10 == 9 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    join_all(searches).await;
    let taken =
        |ports: &Arc<Ports>| std::mem::take(&mut *ports.gaps.lock().unwrap_or_else(PoisonError::into_inner));
    ports.iter().flat_map(taken).collect()
}

fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // Behind the name, which may hold anything; user and system time are the 14th and 15th field.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).and_then(|field| field.parse::<f64>().ok());
    pages.expect("a number") * PAGE
}

#[tokio::main]
async fn main() {
    println!("rounds per second of processor time: {:.0}", throughput().await);
    println!("KiB per search in progress: {:.1}", memory().await / 1024.0);
    let mut gaps = gaps().await;
    gaps.sort_unstable();
    let at = |part: f64| gaps[((gaps.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "from a reply to the next call, {TOGETHER} searches, {} calls: median {:.3} ms, p99 {:.3} ms",
        gaps.len(),
        at(0.5),
        at(0.99)
    );
}
