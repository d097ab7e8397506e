//! Requests beside each other: determinism, cancellation, bounds, bad input.

mod support;

use futures::future::join_all;
use support::{Endless, config, folder, generate, policy};
use toolbeam_lm::{
    Continuation, Finish, GenerateEvent, GenerateRequest, LmError, ModelFiles, ModelHandle, Prompt, Runtime,
    RuntimeConfig, Sampling, Watch,
};

const SAMPLING: Sampling = Sampling { temperature: 1.0, top_p: 1.0, top_k: 0 };

fn load(kv_bytes: u64) -> ModelHandle {
    let config = RuntimeConfig { kv_bytes, ..config() };
    Runtime::start(config, vec![ModelFiles::Folder(folder("policy"))]).expect("it loads").remove(0)
}

fn prompt(length: usize, salt: u32) -> Prompt {
    Prompt::new((0..length as u32).map(|token| 300 + (token * 37 + salt * 101) % 5000).collect())
}

fn ask(prompt: Prompt, seed: u64, deterministic: bool) -> GenerateRequest {
    GenerateRequest {
        owner: format!("search {seed}"),
        prompt,
        beams: vec![(Vec::new(), Box::new(Endless)), (vec![400, 500], Box::new(Endless))],
        first_expansion: 0,
        expansions: 8,
        most_probable: false,
        sampling: SAMPLING,
        seed,
        max_tokens: 12,
        deterministic,
    }
}

async fn all(model: &ModelHandle, request: GenerateRequest) -> Result<Vec<Continuation>, LmError> {
    let mut events = model.generate(request)?;
    let mut found = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            GenerateEvent::Continuation(continuation) => found.push(continuation),
            GenerateEvent::Done(_) => return Ok(found),
            GenerateEvent::Failed(error) => return Err(error),
        }
    }
    panic!("the events ended without saying so");
}

fn bits(found: &[Continuation]) -> Vec<(usize, Vec<u32>, Vec<u32>, u64)> {
    let key =
        |c: &Continuation| (c.beam, c.token_ids.clone(), c.expansions.clone(), c.log_probability.to_bits());
    found.iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deterministic_request_gives_the_same_bits_beside_others() {
    let alone = bits(&all(policy(), ask(prompt(700, 0), 1, true)).await.expect("answers"));
    let others = (2..12)
        .map(|seed| all(policy(), ask(prompt(90 + seed as usize * 13, seed as u32), seed, seed % 2 == 0)));
    let (first, others) = tokio::join!(all(policy(), ask(prompt(700, 0), 1, true)), join_all(others));
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(alone, bits(&first.expect("answers")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_bound_is_slower_and_gives_the_same() {
    // Room for about one request at a time: six of 150 to 200 tokens, with 2 x 8 rows of up to 12.
    let (small, large) = (load(5 << 20), load(256 << 20));
    let requests = |model: ModelHandle| async move {
        let all = (0..6)
            .map(|seed| all(&model, ask(prompt(150 + 10 * seed as usize, seed), u64::from(seed), true)));
        join_all(all).await.into_iter().map(|found| bits(&found.expect("answers"))).collect::<Vec<_>>()
    };
    assert_eq!(requests(small).await, requests(large).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_the_bound_goes_in_parts_and_draws_the_same() {
    let (small, large) = (load(5 << 20), load(256 << 20));
    let drawn = async |model: &ModelHandle| {
        // Among eight tokens hardly any draw is on an edge that rounding moves; among a flat vocabulary's
        // thousands, one in a hundred continuations is.
        let sampling = Sampling { top_k: 8, ..SAMPLING };
        let request = GenerateRequest { expansions: 200, sampling, ..ask(prompt(50, 0), 3, false) };
        let found = all(model, request).await.expect("answers");
        let each = |c: &Continuation| -> Vec<_> {
            c.expansions.iter().map(|expansion| (c.beam, *expansion, c.token_ids.clone())).collect()
        };
        let mut drawn: Vec<_> = found.iter().flat_map(each).collect();
        drawn.sort();
        drawn
    };
    let (one_after_another, together) = (drawn(&small).await, drawn(&large).await);
    assert_eq!(together.len(), 400);
    let same = one_after_another.iter().zip(&together).filter(|(one, other)| one == other).count();
    assert!(same >= 398, "{same} of 400 are the same");
    let census = small.census().await.expect("it counts");
    assert_eq!((census.requests, census.sequences, census.claimed_tokens), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_and_service_goes_on() {
    let model = load(5 << 20);
    let check = async |change: &dyn Fn(&mut GenerateRequest), expected: &str| {
        let mut request = ask(prompt(50, 0), 0, false);
        change(&mut request);
        let error = all(&model, request).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|r| r.prompt = prompt(4000, 0), "prompt has 4000 tokens").await;
    check(&|r| r.prompt = Prompt::new(vec![300, 9000]), "prompt holds token id 9000").await;
    check(&|r| r.prompt = Prompt::new(vec![300]), "fewer than two tokens").await;
    check(&|r| r.beams[1].0 = vec![u32::MAX], "beams holds token id 4294967295").await;
    check(&|r| r.prompt = prompt(1500, 0), "raise --kv-bytes").await;
    let found = all(&model, ask(prompt(50, 0), 0, false)).await.expect("service goes on");
    assert_eq!(found.iter().map(|c| c.expansions.len()).sum::<usize>(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn continuations_end_where_the_context_ends() {
    let found = generate(policy(), prompt(2040, 3), 2, SAMPLING, (0, 100)).await;
    assert!(found.iter().all(|continuation| continuation.token_ids.len() <= 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beam_that_fills_the_context_disturbs_no_other() {
    let at = |beams: [usize; 2]| {
        let beams = beams.map(|length| (vec![400; length], Box::new(Endless) as Box<dyn Watch>));
        GenerateRequest { beams: beams.into(), ..ask(prompt(2040, 5), 0, false) }
    };
    let ends = |found: &[Continuation], beam: usize| {
        let of_beam: Vec<&Continuation> = found.iter().filter(|c| c.beam == beam).collect();
        assert!(of_beam.iter().all(|c| c.finish == Finish::Length), "{of_beam:?}");
        assert_eq!(of_beam.iter().map(|c| c.expansions.len()).sum::<usize>(), 8);
        of_beam.iter().map(|c| c.token_ids.len()).max()
    };
    let found = all(policy(), at([8, 5])).await.expect("both have continuations");
    assert_eq!((ends(&found, 0), ends(&found, 1)), (Some(0), Some(3)));
    let found = all(policy(), at([8, 8])).await.expect("nothing to compute is no error");
    assert_eq!((ends(&found, 0), ends(&found, 1)), (Some(0), Some(0)));
    let error =
        all(policy(), at([9, 5])).await.expect_err("it has never been an answer's beginning").to_string();
    assert!(error.contains("has 2049 tokens"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_first_is_done_first_where_few_may_run() {
    let config = RuntimeConfig { running: Some(1), ..config() };
    let model =
        Runtime::start(config, vec![ModelFiles::Folder(folder("policy"))]).expect("it loads").remove(0);
    let of = |owner: &str, max_tokens| {
        let request = ask(prompt(90, max_tokens as u32), 1, false);
        model.generate(GenerateRequest { owner: owner.into(), max_tokens, ..request }).expect("accepted")
    };
    let (mut first, mut other, mut again) = (of("first", 60), of("other", 2), of("first", 61));
    let mut seen = Vec::new();
    while let Some(event) = other.recv().await {
        if !matches!(event, GenerateEvent::Continuation(_)) {
            break;
        }
        // Both of the search that came first have said all that they have to say.
        for events in [&mut first, &mut again] {
            while let Ok(event) = events.try_recv() {
                seen.push(matches!(event, GenerateEvent::Done(_)));
            }
        }
        assert_eq!(seen.iter().filter(|done| **done).count(), 2, "another search went before the first");
    }
    assert!(!seen.is_empty(), "the other search gave continuations");
}
