//! Expansions that share rows are distributed as independent ones.
//!
//! The reference is exact: a continuation's probability is the product of its tokens' probabilities
//! under the sampling settings, which the model's own logits give.

mod support;

use std::collections::HashMap;

use support::{Endless, Fixture, generate, policy, read, request};
use toolbeam_lm::{Continuation, GenerateEvent, GenerateRequest, Prompt, ReadSequence, Sampling};

const TEMPERATURE: f64 = 1.3;
const LENGTH: usize = 2;
const DRAWS: u32 = 4096;

/// A prompt whose next tokens are uncertain: the middle of a recorded query.
fn prompt() -> Prompt {
    let fixture = Fixture::load();
    let tokens =
        fixture.group("ragged").iter().map(|sequence| sequence.token_ids.clone()).max_by_key(Vec::len);
    Prompt::new(tokens.expect("a sequence")[..472].to_vec())
}

/// Softmax of logits at a temperature.
fn probabilities(logits: &[f32], temperature: f64) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (f64::from(logit - max) / temperature).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// The probability of a continuation of two tokens: p(first) from the prompt, p(second) after it.
async fn exact(prompt: &Prompt, found: &[Continuation], temperature: f64) -> Vec<f64> {
    let (last, before) = prompt.tokens.split_last().expect("a prompt");
    let before = Prompt::new(before.to_vec());
    let mut sequences = vec![ReadSequence { tokens: vec![*last], positions: vec![0] }];
    for continuation in found {
        let first = continuation.token_ids.first().copied().unwrap_or_default();
        sequences.push(ReadSequence { tokens: vec![*last, first], positions: vec![1] });
    }
    let logits = read(policy(), request(before, sequences, false)).await;
    let first = probabilities(&logits[0][0], temperature);
    let after = found.iter().zip(&logits[1..]);
    after
        .map(|(continuation, logits)| {
            let second = probabilities(&logits[0], temperature);
            let [a, b] = continuation.token_ids[..] else { return 0.0 };
            first[a as usize] * second[b as usize]
        })
        .collect()
}

/// Pearson's statistic over continuations that are expected at least ten times, the others pooled,
/// as standard deviations from its mean under the expected distribution.
fn deviation(found: &[Continuation], exact: &[f64], draws: f64) -> f64 {
    let (mut statistic, mut cells) = (0.0, 0);
    let (mut rest_expected, mut rest_found) = (draws, draws);
    for (continuation, probability) in found.iter().zip(exact) {
        let expected = probability * draws;
        if expected >= 10.0 {
            let count = continuation.expansions.len() as f64;
            statistic += (count - expected).powi(2) / expected;
            cells += 1;
            rest_expected -= expected;
            rest_found -= count;
        }
    }
    assert!(cells >= 5, "the distribution has {cells} cells; choose another prompt");
    statistic += (rest_found - rest_expected).powi(2) / rest_expected;
    (statistic - f64::from(cells)) / (2.0 * f64::from(cells)).sqrt()
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_rows_are_distributed_as_independent_expansions() {
    let sampling = Sampling { temperature: TEMPERATURE, top_p: 1.0, top_k: 0 };
    let shared = generate(policy(), prompt(), DRAWS, sampling, (11, LENGTH)).await;
    let whole: Vec<Continuation> = shared.into_iter().filter(|c| c.token_ids.len() == LENGTH).collect();
    let right = exact(&prompt(), &whole, TEMPERATURE).await;
    let wrong = exact(&prompt(), &whole, TEMPERATURE * 0.85).await;
    let (right, wrong) =
        (deviation(&whole, &right, f64::from(DRAWS)), deviation(&whole, &wrong, f64::from(DRAWS)));
    println!(
        "shared rows deviate by {right:.2} standard deviations; at another temperature it would be {wrong:.1}"
    );
    assert!(right < 4.0, "{right}");
    assert!(wrong > 8.0, "the test tells a temperature that is off by 15%: {wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expansion_draws_the_same_alone_and_beside_others() {
    let sampling = Sampling { temperature: TEMPERATURE, top_p: 1.0, top_k: 0 };
    let by_expansion = |found: Vec<Continuation>| -> HashMap<u32, Vec<u32>> {
        let pairs = found
            .into_iter()
            .flat_map(|c| c.expansions.iter().map(move |e| (*e, c.token_ids.clone())).collect::<Vec<_>>());
        pairs.collect()
    };
    let few = by_expansion(generate(policy(), prompt(), 4, sampling, (5, 6)).await);
    let many = by_expansion(generate(policy(), prompt(), 64, sampling, (5, 6)).await);
    assert_eq!(many.len(), 64, "every expansion ends exactly once");
    for expansion in 0..4 {
        assert_eq!(few[&expansion], many[&expansion]);
    }
    let mut events = policy().generate(GenerateRequest {
        owner: "test".into(),
        prompt: prompt(),
        beams: vec![(Vec::new(), Box::new(Endless))],
        first_expansion: 60,
        expansions: 4,
        most_probable: false,
        sampling,
        seed: 5,
        max_tokens: 6,
        deterministic: false,
    });
    let mut later = Vec::new();
    while let Some(event) = events.as_mut().expect("accepted").recv().await {
        if let GenerateEvent::Continuation(continuation) = event {
            later.push(continuation);
        }
    }
    let later = by_expansion(later);
    assert_eq!(later.len(), 4, "those that are asked for, and no others");
    for expansion in 60..64 {
        assert_eq!(later[&expansion], many[&expansion], "more expansions are the next ones");
    }
    let distinct: std::collections::HashSet<_> = many.values().collect();
    assert!(distinct.len() > 8, "expansions are different draws");
}
