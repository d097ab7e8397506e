//! The runtime against transformers, on fixtures recorded by `tests/fixtures/record.py`.
//!
//! Everything goes through the public handle, so that batching, forking and caching are what is
//! compared, not a bare forward pass.

mod support;

use futures::future::join_all;
use support::architectures::{self, Expected};
use support::{Fixture, config, generate, policy, read, request};
use toolbeam_lm::{Finish, Head, ModelHandle, Prompt, ReadRequest, ReadSequence, Runtime, Sampling};

/// The goal for float32 logits.
const TOLERANCE: f32 = 1e-4;

/// Reads the logits after every token of `tokens` from index `from` on, with what comes before
/// `from` as the prompt.
fn after(tokens: &[u32], from: usize) -> (Prompt, ReadSequence) {
    let sequence =
        ReadSequence { tokens: tokens[from..].to_vec(), positions: (0..tokens.len() - from).collect() };
    (Prompt::new(tokens[..from].to_vec()), sequence)
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_sequences_in_one_pass() {
    let fixture = Fixture::load();
    for sequence in fixture.group("prompt") {
        let (prompt, tokens) = after(&sequence.token_ids, 2);
        let logits = read(policy(), request(prompt, vec![tokens], true)).await;
        fixture.check(&sequence, 2, &logits[0], TOLERANCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_by_token_with_the_cache() {
    let fixture = Fixture::load();
    for sequence in fixture.group("decode") {
        let first = sequence.first_row + 1;
        for end in first + 1..=sequence.token_ids.len() {
            let tokens = sequence.token_ids[first..end].to_vec();
            let last = tokens.len() - 1;
            let prompt = Prompt::new(sequence.token_ids[..first].to_vec());
            let wanted = ReadSequence { tokens, positions: vec![last] };
            let logits = read(policy(), request(prompt, vec![wanted], false)).await;
            fixture.check(&sequence, end - 1, &logits[0], TOLERANCE);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn greedy_generation_takes_the_same_tokens() {
    let fixture = Fixture::load();
    for sequence in fixture.group("decode") {
        let first = sequence.first_row + 1;
        let expected = &sequence.token_ids[first..];
        let prompt = Prompt::new(sequence.token_ids[..first].to_vec());
        let found = generate(policy(), prompt, 3, Sampling::GREEDY, (1, expected.len())).await;
        assert_eq!(found.len(), 1, "equal expansions stay one row");
        assert_eq!((found[0].finish, &found[0].expansions), (Finish::Length, &vec![0, 1, 2]));
        assert_eq!(found[0].token_ids, expected);
        let log_probability = fixture.log_probability(&sequence, first);
        assert!((found[0].log_probability - log_probability).abs() < 1e-3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_of_a_shared_prompt() {
    let fixture = Fixture::load();
    let forks = fixture.group("fork");
    let shared = forks[0].prefix_length;
    let (prompt, _) = after(&forks[0].token_ids, shared);
    let sequences = forks.iter().map(|fork| after(&fork.token_ids, shared).1).collect();
    let logits = read(policy(), request(prompt, sequences, false)).await;
    for (fork, logits) in forks.iter().zip(&logits) {
        fixture.check(fork, shared, logits, TOLERANCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ragged_batches_of_unrelated_prompts() {
    let fixture = Fixture::load();
    let ragged = fixture.group("ragged");
    assert!(ragged.len() > 3);
    // Prompts of two tokens, so that everything else is computed in the ragged batch itself.
    let reads = ragged.iter().map(|sequence| {
        let (prompt, tokens) = after(&sequence.token_ids, 2);
        read(policy(), request(prompt, vec![tokens], false))
    });
    for (sequence, logits) in ragged.iter().zip(join_all(reads).await) {
        fixture.check(sequence, 2, &logits[0], TOLERANCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_prompt_in_chunks() {
    let fixture = Fixture::load();
    for sequence in fixture.group("ragged").iter().filter(|sequence| sequence.token_ids.len() > 600) {
        let from = sequence.token_ids.len() - 3;
        let (prompt, tokens) = after(&sequence.token_ids, from);
        let logits = read(policy(), request(prompt, vec![tokens], false)).await;
        fixture.check(sequence, from, &logits[0], TOLERANCE);
    }
}

/// Every architecture, head, dtype and rotary embedding; the YaRN models beyond the positions that they
/// are said to be trained with.
#[tokio::test(flavor = "multi_thread")]
async fn small_models_of_every_architecture() {
    let names = architectures::names();
    assert_eq!(names.len(), 9, "{names:?}");
    for name in names {
        let (_folder, files) = architectures::folder(&name);
        let model = Runtime::start(config(), vec![files]).expect(&name).remove(0);
        let expected = Expected::load(&name);
        // A prompt of 70 tokens, so that positions beyond it are computed with the cache.
        for from in [2, 70] {
            let largest = largest_difference(&model, &expected, from).await;
            println!("{name}, prompt of {from} tokens: largest difference {largest:.2e}");
            assert!(largest <= TOLERANCE, "{name}: {largest} is more than {TOLERANCE}");
        }
    }
}

/// How far the recorded values after the first `from` tokens are from what `model` computes.
async fn largest_difference(model: &ModelHandle, expected: &Expected, from: usize) -> f32 {
    let wanted = || expected.rows.iter().zip(&expected.values).filter(|(row, _)| **row >= from);
    let positions: Vec<usize> = wanted().map(|(row, _)| row - from).collect();
    let outputs = match model.info().config.head {
        Head::Vocabulary => model.info().config.vocab_size as u32,
        Head::Scalar => 1,
    };
    let request = ReadRequest {
        owner: "test".into(),
        prompt: Prompt::new(expected.token_ids[..from].to_vec()),
        sequences: vec![ReadSequence { tokens: expected.token_ids[from..].to_vec(), positions }],
        ids: (0..outputs).collect(),
        deterministic: true,
    };
    let found = read(model, request).await.remove(0);
    assert!(found.len() > 10 && found.len() == wanted().count());
    let pairs = found.iter().flatten().zip(wanted().flat_map(|(_, values)| values));
    pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}
