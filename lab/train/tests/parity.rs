//! The same rows, weights and settings in PyTorch: `fixtures/record.py` computes each answer by itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::{Device, Kind};
use toolbeam_lm::{ModelFiles, ModelFolder};
use toolbeam_reward::RewardKind;
use toolbeam_train::{
    AdamWSettings, Corpus, LOSS, Length, MeasuredRow, MuonSettings, OptimizerSettings, Sequence, Settings,
    Softmax, Task, Trainer, share_prompts,
};

/// The ids of `+` and `-` in the models' tokenizer.
const LABELS: [u32; 2] = [10, 12];
const GRADIENT_TOLERANCE: f64 = 1e-5;
const LOSS_TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Case {
    model: String,
    rows: Vec<MeasuredRow>,
    losses: Vec<f64>,
    gradient_lengths: Vec<f64>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A tiny model with the tokenizer that all of them share.
fn model(name: &str) -> (tempfile::TempDir, ModelFiles) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lm/tests/fixtures/architectures");
    let whole = tempfile::tempdir().expect("a temporary folder");
    for part in [models.join(name), models.join("tokenizer")] {
        for entry in std::fs::read_dir(&part).expect("part of the repository") {
            let file = entry.expect("readable").path();
            std::fs::copy(&file, whole.path().join(file.file_name().expect("a name"))).expect("copied");
        }
    }
    let files = ModelFiles::Folder(whole.path().into());
    (whole, files)
}

/// Ten steps, each over all rows: the settings of `record.py`.
fn settings(task: Task, optimizer: OptimizerSettings, clip: f64) -> Settings {
    Settings {
        task,
        length: Length::Steps(10),
        batch_tokens: 1 << 20,
        accumulate: 1,
        longest: 1 << 20,
        optimizer,
        warmup: 0.2,
        floor: 0.1,
        clip,
        seed: 1,
    }
}

fn adamw(rate: f64, beta2: f64, epsilon: f64, decay: f64) -> OptimizerSettings {
    OptimizerSettings { adamw: AdamWSettings { rate, betas: (0.9, beta2), epsilon, decay }, muon: None }
}

fn check(name: &str, settings: &Settings) {
    let text = std::fs::read(fixtures().join(format!("{name}.json"))).expect("recorded");
    let case: Case = serde_json::from_slice(&text).expect("a case");
    let (_folder, files) = model(&case.model);
    let folder = ModelFolder::read(&files).expect("a model");
    let weights = folder.load_parameters(&files, Device::Cpu).expect("its weights");
    let is_predicted = matches!(settings.task, Task::Answers { .. });
    let rows = case.rows.iter().map(|row| row.sequence(is_predicted)).collect();
    let corpus = Corpus { rows, ..Corpus::default() };
    let options = (Kind::Float, Device::Cpu);
    let begin = |settings| Trainer::new(settings, &corpus, (&folder.config, Some(LABELS)), &weights, options);

    // The whole gradient, and that of three small batches of a step, which must be the same.
    let long = Settings { clip: 1e9, ..settings.clone() };
    let accumulated = Settings { batch_tokens: 1, accumulate: 4, ..long.clone() };
    for settings in [&long, &accumulated] {
        let mut trainer = begin(settings).expect("a trainer");
        trainer.step().expect("a step");
        check_gradient(name, &trainer);
    }
    let mut trainer = begin(settings).expect("a trainer");
    for (step, expected) in case.losses.iter().enumerate() {
        let found = trainer.step().expect("a step");
        let loss = found.figures.get(LOSS).expect("a loss");
        assert!((loss - expected).abs() <= LOSS_TOLERANCE, "{name}, step {step}: {loss} and not {expected}");
        let length = case.gradient_lengths[step];
        assert!((found.gradient - length).abs() <= 1e-3 * length, "{name}, step {step}: {}", found.gradient);
    }
    assert!(trainer.done() >= 1.0);
}

fn check_gradient(name: &str, trainer: &Trainer) {
    let bytes = std::fs::read(fixtures().join(format!("{name}.safetensors"))).expect("recorded");
    let recorded = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
    let gradient = trainer.gradient().expect("a gradient");
    assert_eq!(gradient.len(), recorded.len());
    let mut largest = 0f64;
    for (parameter, found) in gradient {
        let view = recorded.tensor(&parameter).expect("recorded");
        let expected = tch::Tensor::from_data_size(view.data(), &found.size(), Kind::Float);
        let difference = (found - expected).abs().max().double_value(&[]);
        assert!(difference <= GRADIENT_TOLERANCE, "{name}, {parameter}: {difference:e}");
        largest = largest.max(difference);
    }
    println!("{name}: largest difference of a gradient {largest:.2e}");
}

#[test]
fn answers_and_adamw() {
    let task = Task::Answers { prompt_share: 1.0, prompt_weight: 0.1 };
    check("answers", &settings(task, adamw(3e-3, 0.98, 1e-8, 0.05), 1.0));
}

#[test]
fn labels_of_shared_prompts_and_muon() {
    let task = Task::Labels { kind: RewardKind::ToolPrm, softmax: Softmax::Labels };
    let muon = Some(MuonSettings { rate: 0.02, momentum: 0.95, decay: 0.01 });
    let optimizer = OptimizerSettings { muon, ..adamw(2e-3, 0.98, 1e-8, 0.01) };
    check("labels", &settings(task, optimizer, 100.0));
}

#[test]
fn labels_over_the_whole_vocabulary() {
    let task = Task::Labels { kind: RewardKind::ToolPrm, softmax: Softmax::Vocabulary };
    check("vocabulary", &settings(task, adamw(2e-3, 0.999, 1e-8, 0.0), 1.0));
}

#[test]
fn preferences_of_a_scalar_head() {
    check("preferences", &settings(Task::Preferences { centring: 0.01 }, adamw(2e-3, 0.98, 1e-6, 0.1), 1.0));
}

/// What prompts have in common is computed once: a row of several has the losses and the gradient of them all.
#[test]
fn shared_prompts_are_learned_as_separate_ones() {
    let (_folder, files) = model("qwen2_yarn");
    let folder = ModelFolder::read(&files).expect("a model");
    let weights = folder.load_parameters(&files, Device::Cpu).expect("its weights");
    let tokens = |count: u32, from: u32| (0..count).map(move |index| (from + 7 * index) % 90);
    let row = |own: u32| {
        let prompt: Vec<u32> = tokens(70, 3).chain(tokens(own, 40 + own)).collect();
        let mut row = Sequence::of_prompt(&prompt);
        row.add_predicted(&[], &tokens(5 + own, own).collect::<Vec<_>>());
        row
    };
    // One has nothing but what they share.
    let separate: Vec<Sequence> = [4, 0, 9, 1].map(row).into();
    let shared = share_prompts(separate.clone(), 1 << 20);
    assert_eq!((shared.len(), shared[0].segments.len()), (1, 4));
    let task = Task::Answers { prompt_share: 1.0, prompt_weight: 0.3 };
    let settings = settings(task, adamw(1e-3, 0.98, 1e-8, 0.0), 1e9);
    let found = [separate, shared].map(|rows| {
        let corpus = Corpus { rows, ..Corpus::default() };
        let options = (Kind::Float, Device::Cpu);
        let mut trainer =
            Trainer::new(&settings, &corpus, (&folder.config, None), &weights, options).expect("a trainer");
        let figures = trainer.step().expect("a step").figures;
        (figures, trainer.gradient().expect("a gradient"))
    });
    let [(separate, expected), (shared, gradient)] = found;
    assert_eq!(separate.iter().count(), 4, "losses of answers and of prompts, tokens and whole answers");
    for ((name, value), (_, other)) in separate.iter().zip(shared.iter()) {
        assert!((value - other).abs() < 1e-6, "{name}: {value} and {other}");
    }
    for (name, value) in &expected {
        let difference = (value - &gradient[name]).abs().max().double_value(&[]);
        assert!(difference <= GRADIENT_TOLERANCE, "{name}: {difference:e}");
    }
}
