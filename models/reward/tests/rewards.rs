//! Inputs and rewards against transformers, on fixtures recorded by the runtime's `record.py`.

use std::path::Path;

use serde::Deserialize;
use toolbeam_grammar::{Layout, Marker, Parser, Step};
use toolbeam_lm::{
    DeviceChoice, DtypeChoice, Inspection, ModelFiles, Prompt, ReadRequest, ReadSequence, Runtime,
    RuntimeConfig,
};
use toolbeam_reward::{JudgedAnswers, RewardKind, RewardModel, RewardTokens};

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
    load(ModelFiles::Folder(crate_path("../reference/toolprm")))
}

fn load(files: ModelFiles) -> RewardModel {
    let config = RuntimeConfig {
        device: DeviceChoice::Cpu,
        dtype: DtypeChoice::Float32,
        threads: Some(1),
        kv_bytes: 128 << 20,
        queue: 64,
        running: None,
    };
    let handle = Runtime::start(config, vec![files.clone()]).expect("it loads").remove(0);
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
    let files = ModelFiles::Folder(crate_path("../reference/toolprm"));
    let tokens = RewardTokens::find(&files, &model.handle().info().config, tokenizer);
    let tokens = tokens.expect("markers and labels are there");
    let mut largest = 0f32;
    for case in fixture().cases {
        let prompt =
            model.handle().info().prompts.prompt(&case.messages, Some(&case.tools)).expect("renders");
        assert_eq!(*prompt.tokens, *case.prompt_token_ids);
        for answer in &case.answers {
            let input = tokens.input(tokenizer, &steps(&answer.calls)).expect("encodes");
            let markers: Vec<usize> = input.markers.into_iter().map(|at| at.expect("every step")).collect();
            assert_eq!((&input.tokens, &markers), (&answer.token_ids, &answer.marker_positions));
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
            assert!((judged.rewards[0][0].expect("a reward") - whole[end - 1]).abs() < 1e-5);
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
    let rewards = model.judge(request).await.expect("judges").rewards;
    let every_step = |answer: Vec<Option<f32>>| answer.into_iter().map(|reward| reward.expect("a reward"));
    rewards.into_iter().map(|answer| every_step(answer).collect()).collect()
}

/// The reference ToolPRM's weights, read as a coarser model: what is before a marker is then encoded in
/// one piece, so the rewards are other ones.
#[tokio::test(flavor = "multi_thread")]
async fn coarser_models_give_rewards_at_their_own_markers_only() {
    const REFERENCE: &str = "../reference/toolprm";
    let case = fixture().cases.remove(0);
    let steps = steps(&case.answers[0].calls);
    let check = async |kind: &str, given: &[Marker]| {
        let (_folder, files) = copy(REFERENCE, &format!(r#"{{"reward": {{"kind": "{kind}"}}}}"#));
        let model = load(files);
        assert_eq!((model.kind().name(), model.kind().markers()), (kind, given));
        let answers = (1..=steps.len()).map(|end| (steps[..end].to_vec(), end - 1)).collect();
        let prompt = Prompt::new(case.prompt_token_ids.clone());
        let request = JudgedAnswers { owner: "coarse".into(), prompt, answers, deterministic: false };
        let judged = model.judge(request).await.expect("judges");
        for (step, rewards) in steps.iter().zip(&judged.rewards) {
            assert_eq!(rewards.len(), 1, "one entry per step, with a reward or without");
            assert_eq!(rewards[0].is_some(), given.contains(&step.marker()), "{kind}: {step:?}");
            assert!(rewards[0].is_none_or(|reward| (0.0..=1.0).contains(&reward)));
        }
    };
    check("toolprm", &Marker::ALL).await;
    check("c_prm", &[Marker::FuncFinish, Marker::TotalFinish]).await;
    check("orm", &[Marker::TotalFinish]).await;
}

/// A reward is the sigmoid of a difference of logits; a calibrated one of that difference over the temperature.
#[tokio::test(flavor = "multi_thread")]
async fn a_calibrated_folder_divides_by_its_temperatures() {
    const REFERENCE: &str = "../reference/toolprm";
    let case = fixture().cases.remove(0);
    let prompt = Prompt::new(case.prompt_token_ids.clone());
    let judged = async |calibration: &str| {
        let (_folder, files) = copy(REFERENCE, &format!(r#"{{"reward": {{{calibration}}}}}"#));
        judge(&load(files), prompt.clone(), &case, true).await
    };
    let plain = judged("").await;
    let given = r#""calibration": {"temperature": 2.5, "markers": {"<ARG_VALUE>": 0.5}}"#;
    let calibrated = judged(given).await;
    let mut seen = 0;
    for ((answer, plain), calibrated) in case.answers.iter().zip(&plain).zip(&calibrated) {
        for ((step, plain), calibrated) in steps(&answer.calls).iter().zip(plain).zip(calibrated) {
            let temperature = if step.marker() == Marker::ArgValue { 0.5 } else { 2.5 };
            let logit = (f64::from(*plain) / (1.0 - f64::from(*plain))).ln();
            let expected = 1.0 / (1.0 + (-logit / temperature).exp());
            // What float32 leaves of a reward near 1 says little of its logit.
            if (1e-3..1.0 - 1e-3).contains(plain) {
                assert!(
                    (f64::from(*calibrated) - expected).abs() < 1e-4,
                    "{step:?}: {calibrated}, {expected}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 3, "{plain:?}");
    assert_eq!(judged(r#""calibration": {"temperature": 1}"#).await, plain);
}

/// The sigmoid of what transformers' classifier gives for the same tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_scalar_head_judges_the_answer_with_the_end_of_its_turn() {
    const SMALL: &str = "../lm/tests/fixtures/architectures";
    let (folder, files) = copy(&format!("{SMALL}/qwen2_scalar"), "{}");
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(crate_path(SMALL).join("tokenizer").join(file), folder.path().join(file))
            .expect("copied");
    }
    let model = load(files);
    assert_eq!(model.kind(), RewardKind::ToolRm);
    let info = model.handle().info();
    let messages = serde_json::json!([{"role": "user", "content": "hello"}]);
    let prompt = info.prompts.prompt(&messages, None).expect("renders");
    let text = r#"[{"name": "f", "arguments": {"a": 1.5}}]"#;
    let mut tokens = info.tokenizer.encode(text).expect("encodes");
    tokens.push(info.tokenizer.special("<|im_end|>").expect("it ends the turn"));
    let end = tokens.len() - 1;
    let read = ReadRequest {
        owner: "raw".into(),
        prompt: prompt.clone(),
        sequences: vec![ReadSequence { tokens, positions: vec![end] }],
        ids: vec![0],
        deterministic: true,
    };
    let number = model.handle().read(read).await.expect("reads").logits[0][0][0];
    let steps = steps(&serde_json::from_str(text).expect("JSON"));
    let request = JudgedAnswers { owner: "t".into(), prompt, answers: vec![(steps, 0)], deterministic: true };
    let rewards = model.judge(request).await.expect("judges").rewards.remove(0);
    let (last, before) = rewards.split_last().expect("rewards");
    assert!(before.iter().all(Option::is_none), "{rewards:?}");
    let expected = 1.0 / (1.0 + (-number).exp());
    assert!((last.expect("a reward") - expected).abs() < 1e-6, "{last:?}, {expected}");
}

/// An answer that does not fit the context is told apart, and costs the others nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_outgrows_the_context_has_no_rewards_and_harms_no_other() {
    let (_folder, files) = copy("../reference/toolprm", "{}");
    let model = load(files);
    let info = model.handle().info();
    let messages = serde_json::json!([{"role": "user", "content": "hello"}]);
    let prompt = info.prompts.prompt(&messages, None).expect("renders");
    let of = |text: &str| (steps(&serde_json::from_str(text).expect("JSON")), 0);
    let short = of(r#"[{"name": "f", "arguments": {"a": 1}}]"#);
    let long = "7 ".repeat(info.config.context_length);
    let long = of(&format!(r#"[{{"name": "f", "arguments": {{"a": "{long}"}}}}]"#));
    let judge = async |answers: Vec<_>| {
        let request =
            JudgedAnswers { owner: "t".into(), prompt: prompt.clone(), answers, deterministic: true };
        model.judge(request).await.expect("judges")
    };
    let alone = judge(vec![short.clone()]).await;
    assert_eq!(alone.over_context, [false]);
    let both = judge(vec![long.clone(), short]).await;
    assert_eq!(both.over_context, [true, false]);
    assert_eq!(both.rewards[0], vec![None; 5]);
    assert_eq!(both.rewards[1], alone.rewards[0]);
    let none = judge(vec![long]).await;
    assert_eq!((none.over_context, none.usage), (vec![true], Default::default()));
}

/// A copy of a model folder with another `toolbeam.json`.
fn copy(from: &str, toolbeam: &str) -> (tempfile::TempDir, ModelFiles) {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(crate_path(from)).expect("part of the repository") {
        let file = entry.expect("readable").path();
        std::fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    std::fs::write(folder.path().join("toolbeam.json"), toolbeam).expect("written");
    let files = ModelFiles::Folder(folder.path().into());
    (folder, files)
}

#[test]
fn a_folder_that_is_no_reward_model_is_refused_by_name() {
    let inspection = Inspection::of(&ModelFiles::Folder(crate_path("../reference/toolprm")));
    let (config, tokenizer) = inspection.config.zip(inspection.tokenizer).expect("it is whole");
    let check = |profile: &str, expected: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("toolbeam.json"), profile).expect("written");
        let refused = RewardTokens::find(&ModelFiles::Folder(folder.path().into()), &config, &tokenizer);
        let error = refused.expect_err(profile).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("{", "toolbeam.json");
    check(r#"{"input": "raw"}"#, "input is raw");
    check(r#"{"label_context": "positive"}"#, "label_context is positive");
    check(r#"{"reward": {"kind": "best"}}"#, "best");
    check(r#"{"reward": {"kind": "toolrm"}}"#, "toolrm goes with ...ForSequenceClassification");
    check(r#"{"reward": {"markers": {"<NAME>": "<x>"}}}"#, "<NAME>, which is no marker");
    for (value, message) in
        [("0", "is 0; a"), ("-1.5", "is -1.5; a"), ("1e-60", "above 0"), ("1e60", "finite")]
    {
        let named = format!("reward.calibration.temperature {message}");
        let named = if value.contains('e') { message } else { &named };
        check(&format!(r#"{{"reward": {{"calibration": {{"temperature": {value}}}}}}}"#), named);
    }
    check(r#"{"reward": {"calibration": {"markers": {}}}}"#, "missing field `temperature`");
    check(r#"{"reward": {"calibration": {"temperature": 1, "bias": 0}}}"#, "unknown field `bias`");
    check(
        r#"{"reward": {"calibration": {"temperature": 1, "markers": {"<ARG_VALUE>": -2}}}}"#,
        "reward.calibration.markers.<ARG_VALUE> is -2",
    );
    check(
        r#"{"reward": {"kind": "orm", "calibration": {"temperature": 1, "markers": {"<ARG_VALUE>": 2}}}}"#,
        "<ARG_VALUE>, which is no marker of orm",
    );
    check(r#"{"reward": {"kind": "orm", "markers": {"<FUNC_NAME>": "<x>"}}}"#, "no marker of orm");
    check(r#"{"reward": {"markers": {"<FUNC_NAME>": "<x>"}}}"#, "no special token <x>");
    check(
        r#"{"reward": {"labels": {"positive": "very right", "negative": "-"}}}"#,
        "\"very right\" is not a single token",
    );
}
