//! Choosing by reward among answers that are there.

use std::num::NonZeroUsize;

use toolbeam_eval::{BestOfNSettings, EvalError, Record, SampledAnswer, SampledPrompt, best_of_n};
use toolbeam_grammar::{Call, Layout};

fn settings(sizes: &[usize]) -> BestOfNSettings {
    let sizes = sizes.iter().map(|size| NonZeroUsize::new(*size).expect("not 0")).collect();
    BestOfNSettings { sizes, seed: 1 }
}

/// A prompt to which `{"a": 1}` is right, with answers by their text, each with its count.
fn prompt(id: &str, says: &str, answers: &[(&str, u32)]) -> SampledPrompt {
    let right = vec![Call::from_json("f", r#"{"a": 1}"#).expect("arguments")];
    let messages = vec![("user".to_owned(), says.to_owned())];
    let record = Record::new(id.into(), "set".into(), messages, Vec::new(), right).expect("a record");
    let read = |(text, count): &(&str, u32)| SampledAnswer::read(Layout::JsonList, text, true, *count);
    SampledPrompt { record, answers: answers.iter().map(read).collect() }
}

fn f(value: &str) -> String {
    format!(r#"[{{"name": "f", "arguments": {{"a": {value}}}}}]"#)
}

#[tokio::test]
async fn the_sample_with_the_highest_reward_is_chosen() {
    // It likes what is right, but for the prompt "again", and never sees what is no answer.
    let client = crate::scripted::scorer(|steps, says| {
        let right = steps.iter().any(|step| step.value == "1");
        vec![if right == (says == "go") { 0.9 } else { 0.1 }; steps.len()]
    })
    .await;
    let (right, wrong) = (f("1"), f("2"));
    let prompts = [
        // Spelled in two ways, it is one answer: three of four samples that are answers.
        prompt("one", "go", &[(&wrong, 1), (&right, 2), (&right.replace(": ", ":"), 1), ("[{", 4)]),
        prompt("two", "go", &[(&wrong, 7), (&right, 1)]),
        prompt("three", "again", &[(&wrong, 1), (&right, 7)]),
        prompt("four", "go", &[("no answer", 8)]),
        prompt("five", "fail", &[(&right, 8)]),
    ];
    let mut done = 0;
    let found = best_of_n(&client, &prompts, &settings(&[1, 8]), NonZeroUsize::MIN, || done += 1).await;
    let found = found.expect("a report");
    assert_eq!((done, found.prompts), (5, 4));
    assert_eq!(found.failed[0].0, "five");
    let [one, all] = &found.sizes[..] else { panic!("{found:?}") };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    let single = (3.0 / 8.0 + 1.0 / 8.0 + 7.0 / 8.0 + 0.0) / 4.0;
    for mean in [found.single.mean, one.best.mean, one.majority.mean, one.oracle.mean] {
        near(mean, single);
    }
    near(all.best.mean, 2.0 / 4.0);
    near(all.majority.mean, 2.0 / 4.0);
    near(all.oracle.mean, 3.0 / 4.0);
    near(all.over_majority.mean, 0.0);
    assert!(all.over_majority.low < 0.0 && all.over_majority.high > 0.0, "{all:?}");
    near(found.no_answer, 12.0 / 32.0);
    let markdown = found.markdown();
    assert!(markdown.contains("| one sample | 34.4 ("), "{markdown}");
    assert!(markdown.contains("| 8 | 50.0 ("), "{markdown}");
}

#[tokio::test]
async fn more_samples_than_there_are_cannot_be_drawn() {
    let client = crate::scripted::scorer(|steps, _| vec![0.5; steps.len()]).await;
    let prompts = [prompt("one", "go", &[("[]", 4)])];
    let found = best_of_n(&client, &prompts, &settings(&[1, 5]), NonZeroUsize::MIN, || {}).await;
    assert!(matches!(found, Err(EvalError::Samples { found: 4, wanted: 5, .. })), "{found:?}");
}
