//! What is left of a request that nobody wants any more, counted.

mod support;

use std::time::Duration;

use support::{Endless, config, folder};
use tokio::sync::mpsc::Receiver;
use toolbeam_lm::{
    Census, GenerateEvent, GenerateRequest, LmError, ModelFiles, ModelHandle, Prompt, ReadRequest,
    ReadSequence, Runtime, RuntimeConfig, Sampling, Verdict, Watch,
};

fn load(queue: usize) -> ModelHandle {
    let config = RuntimeConfig { kv_bytes: 256 << 20, queue, ..config() };
    Runtime::start(config, vec![ModelFiles::Folder(folder("policy"))]).expect("it loads").remove(0)
}

/// A request of four expansions that never ends by itself.
fn endless(owner: &str, salt: u32) -> GenerateRequest {
    GenerateRequest {
        owner: owner.into(),
        prompt: Prompt::new((0..200).map(|token| 300 + (token * 37 + salt * 101) % 5000).collect()),
        beams: vec![(Vec::new(), Box::new(Endless))],
        first_expansion: 0,
        expansions: 4,
        most_probable: false,
        sampling: Sampling { temperature: 1.0, top_p: 1.0, top_k: 0 },
        seed: u64::from(salt),
        max_tokens: 1500,
        deterministic: false,
    }
}

/// Stops after some tokens, so that the answer is kept for whoever continues it.
struct After(u32);

impl Watch for After {
    fn push(&mut self, _: u32, _: &[u8]) -> Verdict {
        self.0 -= 1;
        if self.0 == 0 { Verdict::Stop } else { Verdict::Continue }
    }

    fn fork(&self) -> Box<dyn Watch> {
        Box::new(After(self.0))
    }
}

fn short(owner: &str) -> GenerateRequest {
    GenerateRequest { beams: vec![(Vec::new(), Box::new(After(5)))], ..endless(owner, 0) }
}

async fn ends(mut events: Receiver<GenerateEvent>) {
    while let Some(event) = events.recv().await {
        if let GenerateEvent::Failed(error) = event {
            panic!("{error}");
        }
    }
}

/// Counts again until `reached` holds.
async fn counted(model: &ModelHandle, reached: impl Fn(&Census) -> bool) -> Census {
    for _ in 0..2000 {
        let census = model.census().await.expect("a census");
        if reached(&census) {
            return census;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never reached: {:?}", model.census().await);
}

fn nothing_but_prompts(census: &Census) {
    let Census { requests, sequences, claimed_tokens, kept_answers, .. } = *census;
    assert_eq!((requests, sequences, claimed_tokens, kept_answers), (0, 0, 0, 0), "{census:?}");
    assert_eq!(census.bytes_beside_prompts(), 0, "{census:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_caller_has_gone_is_freed_before_the_next_step() {
    let model = load(100);
    // One that stays keeps the device busy, so that there is a next step.
    let stays = model.generate(endless("stays", 0)).expect("accepted");
    let alone = counted(&model, |census| census.sequences > 0).await;
    for salt in 1..6 {
        let goes = model.generate(endless("goes", salt)).expect("accepted");
        counted(&model, |census| census.kept_prompts == 1 + salt as usize && census.requests == 2).await;
        drop(goes);
        let before = model.census().await.expect("a census");
        // Counted after at least one more step began: the request is gone whenever that is.
        let after = counted(&model, |census| census.steps > before.steps).await;
        assert_eq!(after.requests, 1, "{before:?} {after:?}");
        assert_eq!(after.claimed_tokens, alone.claimed_tokens, "{after:?}");
        println!("gone after {} steps", after.steps - before.steps);
    }
    drop(stays);
    let left = counted(&model, |census| census.requests == 0).await;
    nothing_but_prompts(&left);
    assert_eq!(left.kept_prompts, 6);
    model.forget_all().expect("accepted");
    let empty = model.census().await.expect("a census");
    assert_eq!((empty.used_slots, empty.kept_prompts), (0, 0), "{empty:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_left_is_freed_when_it_is_forgotten() {
    let model = load(100);
    let sequence = ReadSequence { tokens: (300..340).collect(), positions: vec![39] };
    let request = ReadRequest {
        owner: "a search".into(),
        prompt: short("").prompt,
        sequences: vec![sequence],
        ids: vec![10, 12],
        deterministic: false,
    };
    model.read(request).await.expect("reads");
    ends(model.generate(short("a search")).expect("accepted")).await;
    ends(model.generate(short("another")).expect("accepted")).await;
    let kept = counted(&model, |census| census.requests == 0).await;
    assert!(kept.kept_answers > 1 && kept.bytes_beside_prompts() > 0, "{kept:?}");
    model.forget("a search").expect("accepted");
    model.forget("another").expect("accepted");
    nothing_but_prompts(&model.census().await.expect("a census"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_overtaken_leaves_nothing() {
    let model = load(100);
    // The message overtakes one request on its way and finds the other in work.
    let running = model.generate(short("over")).expect("accepted");
    model.forget("over").expect("accepted");
    let overtaken = model.generate(short("over")).expect("accepted");
    ends(running).await;
    ends(overtaken).await;
    nothing_but_prompts(&counted(&model, |census| census.requests == 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_model_says_when_to_come_back() {
    let model = load(3);
    let mut requests: Vec<_> =
        (0..3).map(|salt| model.generate(endless("", salt)).expect("accepted")).collect();
    for _ in 0..2 {
        match model.generate(endless("", 9)) {
            Err(LmError::QueueFull { retry_after }) => assert!(!retry_after.is_zero()),
            other => panic!("it was full: {other:?}"),
        }
    }
    requests.pop();
    counted(&model, |census| census.requests == 2).await;
    requests.push(model.generate(endless("", 9)).expect("there is a place again"));
}
