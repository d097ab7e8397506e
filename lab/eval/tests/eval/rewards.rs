//! Pairs of right and wrong answers, and what a reward model makes of them.

use std::fs;
use std::num::NonZeroUsize;

use toolbeam_eval::{evaluate_rewards, read_pairs, write_pairs};

const PAIR: &str = r#"{"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": {"type": "int"}}}}],
"conversation": [{"role": "user", "content": "go"}], "chosen_output": [{"f": {"a": 1}}],
"rejected_output": "[{\"name\": \"f\", \"arguments\": {\"a\": 2}}]", "error_type": "Parameter value error",
"test_category": "simple", "test_id": "simple_1"}"#;

#[test]
fn pairs_are_read_in_both_forms_and_written_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pairs.jsonl");
    let broken = PAIR.replace(r#""[{\"name\""#, r#""I would rather not: [{\"name\""#);
    fs::write(&path, format!("{}\n{}\n", PAIR.replace('\n', " "), broken.replace('\n', " ")))
        .expect("written");
    let mut pairs = read_pairs(&path).expect("pairs");
    assert_eq!((pairs[0].tools[0].name.as_str(), pairs[0].chosen[0].name.as_str()), ("f", "f"));
    let rejected = pairs[0].rejected.as_ref().expect("calls");
    assert_eq!(rejected[0].arguments_json(), r#"{"a": 2}"#);
    assert!(pairs[1].rejected.is_none(), "an output without calls is no mistake of the file");
    pairs[0].tools[0].parameters = "{\n\"a\": {}\n}".to_owned();
    write_pairs(&path, &pairs).expect("written");
    let text = fs::read_to_string(&path).expect("read");
    assert!(
        text.contains(r#""chosen_output":[{"f": {"a": 1}}],"rejected_output":[{"f": {"a": 2}}]"#),
        "{text}"
    );
    assert_eq!(read_pairs(&path).expect("pairs").len(), 2);
    fs::write(&path, r#"{"tools": []}"#).expect("written");
    let error = read_pairs(&path).expect_err("no pair").to_string();
    assert!(error.contains("line 1") && error.contains("conversation"), "{error}");
}

/// Its rewards are made up: 0.9 for what is right and 0.2 for what is not, but for the last marker of the
/// second prompt, where it takes the wrong answer for the right one.
#[tokio::test]
async fn measures_are_those_of_the_rewards_that_a_scorer_gives() {
    let client = crate::scripted::scorer(|steps, prompt| {
        let wrong = steps.iter().any(|step| step.value == "2");
        let reward = |index: usize| {
            let is_last = index + 1 == steps.len();
            let seems_wrong = match is_last && prompt == "again" {
                true => !wrong,
                false => steps[..=index].iter().any(|step| step.value == "2"),
            };
            if seems_wrong { 0.2 } else { 0.9 }
        };
        (0..steps.len()).map(reward).collect()
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pairs.jsonl");
    let one = PAIR.replace('\n', " ");
    let other = one.replace("simple_1", "simple_2").replace(r#""go""#, r#""again""#);
    let failing = one.replace("simple_1", "simple_3").replace(r#""go""#, r#""fail""#);
    fs::write(&path, [one, other, failing].join("\n")).expect("written");
    let pairs = read_pairs(&path).expect("pairs");
    let mut done = 0;
    let report = evaluate_rewards(&client, &pairs, NonZeroUsize::MIN, |pairs| done += pairs).await;
    assert_eq!(done, 3);
    assert_eq!((report.pairwise.pairs, report.pairwise.right, report.pairwise.ties), (2, 1, 0));
    assert_eq!(report.error_types["Parameter value error"].right, 1);
    assert_eq!((report.failed.len(), report.failed[0].0.as_str()), (1, "simple_3"));
    // Two prompts, two answers of five steps each; the name in a wrong answer is right.
    assert_eq!((report.steps.labels, report.trajectories.labels), (20, 4));
    assert_eq!(report.markers["FUNC_NAME"].positive, 1.0);
    assert_eq!(report.markers["ARG_VALUE"].positive, 0.5);
    assert_eq!((report.steps.accuracy, report.trajectories.accuracy), (0.9, 0.5));
    assert_eq!(report.trajectories.auc, Some(0.5));
}
