//! A tiny model, and records that are written here.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use toolbeam_dataset::PartWriter;
use toolbeam_lm::{DeviceChoice, DtypeChoice, ModelFiles};
use toolbeam_reward::RewardKind;
use toolbeam_train::{AdamWSettings, Length, OptimizerSettings, RunConfig, Settings, Softmax, Task};

/// A folder for a run, and what it reads.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A tiny model, and a part of records.
    pub(crate) fn new(records: impl IntoIterator<Item = Value>) -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/lm/tests/fixtures/architectures");
        let base = folder.path().join("base");
        fs::create_dir(&base).expect("made");
        for part in [models.join("qwen3_tied"), models.join("tokenizer")] {
            for entry in fs::read_dir(&part).expect("part of the repository") {
                let file = entry.expect("readable").path();
                fs::copy(&file, base.join(file.file_name().expect("a name"))).expect("copied");
            }
        }
        let mut part = PartWriter::create(&folder.path().join("data"), 0).expect("a part");
        records.into_iter().for_each(|record| part.add(&record).expect("added"));
        part.finish().expect("written");
        Place { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self, run: &str) -> RunConfig {
        RunConfig {
            base: ModelFiles::Folder(self.path("base")),
            data: self.path("data"),
            validation: Some(self.path("data")),
            validate_every: 1000,
            run: self.path(run),
            checkpoint_every: Duration::from_secs(1000),
            out: Some(self.path(&format!("{run}-out"))),
            out_dtype: DtypeChoice::Float32,
            device: DeviceChoice::Cpu,
            dtype: DtypeChoice::Float32,
            threads: Some(1),
        }
    }

    pub(crate) fn weights(&self, run: &str) -> Vec<u8> {
        fs::read(self.path(&format!("{run}-out")).join("model.safetensors")).expect("written")
    }
}

/// Queries whose first letter says what is right, so that there is something to learn.
pub(crate) fn examples() -> impl Iterator<Item = Value> {
    (0..24).map(|number| {
        let city = ["Rome", "Oslo", "Bern"][number % 3];
        json!({
            "id": format!("e{number}"), "source": "test",
            "messages": [{ "role": "user", "content": format!("{} {number}?", &city[..1]) }],
            "tools": [{ "name": "w", "description": "", "parameters": {} }],
            "answers": [{ "name": "w", "arguments": { "z": city, "a": number % 2 } }],
        })
    })
}

/// The right answer, and one with another city.
pub(crate) fn labelled() -> impl Iterator<Item = Value> {
    examples().map(|prompt| {
        let mut wrong = prompt["answers"].clone();
        wrong[0]["arguments"]["z"] = "Graz".into();
        let calls = prompt["answers"].clone();
        json!({ "prompt": prompt, "trajectories": [
            { "calls": calls, "labels": "++++++", "origin": "gold", "count": 1 },
            { "calls": wrong, "labels": "+-+---", "origin": "corruption", "count": 1 },
        ] })
    })
}

pub(crate) fn settings(task: Task, steps: u64) -> Settings {
    let adamw = AdamWSettings { rate: 8e-3, betas: (0.9, 0.98), epsilon: 1e-8, decay: 0.01 };
    Settings {
        task,
        length: Length::Steps(steps),
        batch_tokens: 512,
        accumulate: 2,
        longest: 256,
        optimizer: OptimizerSettings { adamw, muon: None },
        warmup: 0.1,
        floor: 0.1,
        clip: 1.0,
        seed: 1,
    }
}

pub(crate) const ANSWERS: Task = Task::Answers { prompt_share: 0.2, prompt_weight: 0.1 };

pub(crate) fn labels(kind: RewardKind) -> Task {
    Task::Labels { kind, softmax: Softmax::Labels }
}
