//! Inputs and rewards against transformers, on fixtures recorded by the runtime's `record.py`.

use std::path::Path;

use serde::Deserialize;
use toolbeam_grammar::{Layout, Parser, Step};
use toolbeam_lm::{DeviceChoice, ModelFiles, Prompt, Runtime, RuntimeConfig};
use toolbeam_reward::{JudgedAnswers, RewardModel, RewardTokens};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    tools: serde_json::Value,
    messages: serde_json::Value,
    prompt_token_ids: Vec<u32>,
    answers: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    calls: serde_json::Value,
    token_ids: Vec<u32>,
    marker_positions: Vec<usize>,
    rewards: Vec<f32>,
}

fn crate_path(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn fixture() -> Fixture {
    let bytes = std::fs::read(crate_path("../lm/tests/fixtures/rewards.json")).expect("the fixture is there");
    serde_json::from_slice(&bytes).expect("the fixture parses")
}

fn model() -> RewardModel {
    let files = ModelFiles::Folder(crate_path("../reference/toolprm"));
    let config =
        RuntimeConfig { device: DeviceChoice::Cpu, threads: Some(1), kv_bytes: 128 << 20, queue: 64 };
    let handle = Runtime::start(config, vec![files.clone()]).expect("the reference ToolPRM loads").remove(0);
    RewardModel::new(handle, &files).expect("it is a reward model")
}

/// The steps of an answer, by way of the parser, from unusual spelling on purpose.
fn steps(calls: &serde_json::Value) -> Vec<Step> {
    let mut parser = Parser::new(Layout::JsonList);
    let steps = parser.feed(serde_json::to_string_pretty(calls).expect("calls print").as_bytes());
    steps.into_iter().map(|boundary| boundary.step).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rewards_equal_transformers() {
    let model = model();
    let tokenizer = &model.handle().info().tokenizer;
    let tokens = RewardTokens::find(&ModelFiles::Folder(crate_path("../reference/toolprm")), tokenizer);
    let tokens = tokens.expect("markers and labels are there");
    let mut largest = 0f32;
    for case in fixture().cases {
        let prompt =
            model.handle().info().prompts.prompt(&case.messages, Some(&case.tools)).expect("renders");
        assert_eq!(*prompt.tokens, *case.prompt_token_ids);
        for answer in &case.answers {
            let input = tokens.input(tokenizer, &steps(&answer.calls)).expect("encodes");
            assert_eq!((&input.tokens, &input.markers), (&answer.token_ids, &answer.marker_positions));
        }
        for deterministic in [true, false] {
            let rewards = judge(&model, prompt.clone(), &case, deterministic).await;
            for (found, expected) in rewards.iter().zip(&case.answers) {
                assert_eq!(found.len(), expected.rewards.len());
                let differences =
                    found.iter().zip(&expected.rewards).map(|(found, expected)| (found - expected).abs());
                largest = differences.fold(largest, f32::max);
            }
        }
    }
    println!("largest difference {largest:.2e}");
    assert!(largest <= 1e-4, "{largest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scoring_step_by_step_gives_what_scoring_at_once_gives() {
    let model = model();
    let case = fixture().cases.remove(0);
    let prompt = Prompt::new(case.prompt_token_ids.clone());
    let whole = judge(&model, prompt.clone(), &case, false).await;
    for (answer, whole) in case.answers.iter().zip(whole) {
        let steps = steps(&answer.calls);
        for end in 1..=steps.len() {
            let request = JudgedAnswers {
                owner: "steps".into(),
                prompt: prompt.clone(),
                answers: vec![(steps[..end].to_vec(), end - 1)],
                deterministic: false,
            };
            let judged = model.judge(request).await.expect("judges");
            assert_eq!(judged.rewards[0].len(), 1, "only the step that was asked for");
            assert!((judged.rewards[0][0] - whole[end - 1]).abs() < 1e-5);
            let all: usize = answer.token_ids.len();
            assert!(
                (judged.usage.computed_tokens as usize) < all.max(40),
                "earlier steps come from the cache"
            );
        }
    }
}

async fn judge(model: &RewardModel, prompt: Prompt, case: &Case, deterministic: bool) -> Vec<Vec<f32>> {
    let answers = case.answers.iter().map(|answer| (steps(&answer.calls), 0)).collect();
    let request = JudgedAnswers { owner: "test".into(), prompt, answers, deterministic };
    model.judge(request).await.expect("judges").rewards
}

#[test]
fn a_folder_that_is_no_reward_model_is_refused_by_name() {
    let tokenizer = toolbeam_lm::Tokenizer::read(&ModelFiles::Folder(crate_path("../reference/toolprm")));
    let tokenizer = tokenizer.expect("a tokenizer");
    let check = |profile: &str, expected: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("toolbeam.json"), profile).expect("written");
        let refused = RewardTokens::find(&ModelFiles::Folder(folder.path().into()), &tokenizer);
        let error = refused.expect_err(profile).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("{", "toolbeam.json");
    check(r#"{"input": "raw"}"#, "input is raw");
    check(r#"{"label_context": "positive"}"#, "label_context is positive");
    check(r#"{"reward": {"kind": "orm"}}"#, "orm");
    check(r#"{"reward": {"markers": {"<NAME>": "<x>"}}}"#, "<NAME>, which is no marker");
    check(r#"{"reward": {"markers": {"<FUNC_NAME>": "<x>"}}}"#, "no special token <x>");
    check(
        r#"{"reward": {"labels": {"positive": "very right", "negative": "-"}}}"#,
        "\"very right\" is not a single token",
    );
}
