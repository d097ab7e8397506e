//! The reference policy, recorded logits, and requests in short form.

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod architectures;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;
use toolbeam_lm::{
    Continuation, DeviceChoice, DtypeChoice, GenerateEvent, GenerateRequest, LogitsAt, ModelFiles,
    ModelHandle, Prompt, ReadRequest, ReadSequence, Runtime, RuntimeConfig, Sampling, Verdict, Watch,
};

/// Settings for tests: the CPU, one thread, so that parallel tests do not fight.
pub(crate) fn config() -> RuntimeConfig {
    RuntimeConfig {
        device: DeviceChoice::Cpu,
        dtype: DtypeChoice::Float32,
        threads: Some(1),
        kv_bytes: 1 << 30,
        queue: 4096,
        running: None,
    }
}

/// The folder of a reference model.
pub(crate) fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference").join(model)
}

static POLICY: LazyLock<ModelHandle> = LazyLock::new(|| {
    let files = ModelFiles::Folder(folder("policy"));
    Runtime::start(config(), vec![files]).expect("the reference policy loads").remove(0)
});

/// The reference policy, loaded once per test binary.
pub(crate) fn policy() -> &'static ModelHandle {
    &POLICY
}

/// Reads every logit at the positions of `sequences`.
pub(crate) fn request(prompt: Prompt, sequences: Vec<ReadSequence>, deterministic: bool) -> ReadRequest {
    let ids = (0..policy().info().config.vocab_size as u32).collect();
    ReadRequest { owner: "test".into(), prompt, sequences, ids, deterministic }
}

/// The logits per sequence and position.
pub(crate) async fn read(model: &ModelHandle, request: ReadRequest) -> Vec<Vec<LogitsAt>> {
    model.read(request).await.expect("reads").logits
}

/// Continuations of an empty answer that end at `length` tokens or with the turn.
pub(crate) async fn generate(
    model: &ModelHandle,
    prompt: Prompt,
    expansions: u32,
    sampling: Sampling,
    (seed, length): (u64, usize),
) -> Vec<Continuation> {
    let request = GenerateRequest {
        owner: "test".into(),
        prompt,
        beams: vec![(Vec::new(), Box::new(Endless))],
        first_expansion: 0,
        expansions,
        most_probable: false,
        sampling,
        seed,
        max_tokens: length,
        deterministic: false,
    };
    let mut events = model.generate(request).expect("accepted");
    let mut found = Vec::new();
    loop {
        match events.recv().await.expect("the last event says that it is the last") {
            GenerateEvent::Continuation(continuation) => found.push(continuation),
            GenerateEvent::Done(_) => return found,
            GenerateEvent::Failed(error) => panic!("{error}"),
        }
    }
}

/// Never stops a continuation.
pub(crate) struct Endless;

impl Watch for Endless {
    fn push(&mut self, _: u32, _: &[u8]) -> Verdict {
        Verdict::Continue
    }

    fn fork(&self) -> Box<dyn Watch> {
        Box::new(Endless)
    }
}

/// Recorded logits.
pub(crate) struct Fixture {
    tensors: Vec<u8>,
    sequences: Vec<Recorded>,
}

/// One recorded sequence: row r holds the logits after token `first_row + r`.
#[derive(Clone, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) prefix_length: usize,
    pub(crate) first_row: usize,
    pub(crate) token_ids: Vec<u32>,
}

impl Fixture {
    pub(crate) fn load() -> Fixture {
        #[derive(Deserialize)]
        struct Index {
            sequences: Vec<Recorded>,
        }
        let file = |name: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let index: Index = serde_json::from_slice(&file("logits.json")).expect("the index parses");
        Fixture { tensors: file("logits.safetensors"), sequences: index.sequences }
    }

    pub(crate) fn group(&self, group: &str) -> Vec<Recorded> {
        let found: Vec<_> =
            self.sequences.iter().filter(|sequence| sequence.group == group).cloned().collect();
        assert!(!found.is_empty(), "no recorded sequences of group {group}");
        found
    }

    /// Compares `rows`, the logits after the tokens from index `from` on, with what was recorded.
    pub(crate) fn check(&self, sequence: &Recorded, from: usize, rows: &[LogitsAt], tolerance: f32) {
        let ids = self.integers("vocabulary_ids");
        let sampled = self.floats(&format!("{}.sampled", sequence.name));
        let sums = self.floats(&format!("{}.logsumexp", sequence.name));
        let argmax = self.integers(&format!("{}.argmax", sequence.name));
        let margin = self.floats(&format!("{}.margin", sequence.name));
        let mut largest = 0f32;
        for (offset, row) in rows.iter().enumerate() {
            let recorded = from + offset - sequence.first_row;
            let expected = &sampled[recorded * ids.len()..(recorded + 1) * ids.len()];
            for (id, expected) in ids.iter().zip(expected) {
                largest = largest.max((row[*id as usize] - expected).abs());
            }
            largest = largest.max((log_sum_exp(row) - sums[recorded]).abs());
            if margin[recorded] > 2.0 * tolerance {
                assert_eq!(best(row) as i64, argmax[recorded], "{} token {}", sequence.name, from + offset);
            }
        }
        if from + rows.len() == sequence.token_ids.len() {
            let last = self.floats(&format!("{}.last", sequence.name));
            let differences =
                rows[rows.len() - 1].iter().zip(&last).map(|(found, expected)| (found - expected).abs());
            largest = differences.fold(largest, f32::max);
        }
        println!("{}: largest difference {largest:.2e} over {} rows", sequence.name, rows.len());
        assert!(largest <= tolerance, "{}: {largest} is more than {tolerance}", sequence.name);
    }

    /// The recorded log-probability of the tokens from index `from` on, where each is the argmax.
    pub(crate) fn log_probability(&self, sequence: &Recorded, from: usize) -> f64 {
        let max = self.floats(&format!("{}.max", sequence.name));
        let sums = self.floats(&format!("{}.logsumexp", sequence.name));
        let rows = from - 1 - sequence.first_row..sequence.token_ids.len() - 1 - sequence.first_row;
        rows.map(|row| f64::from(max[row] - sums[row])).sum()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.bytes(name)
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")))
            .collect()
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        self.bytes(name)
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes")))
            .collect()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let tensors = safetensors::SafeTensors::deserialize(&self.tensors).expect("the fixture is whole");
        tensors.tensor(name).unwrap_or_else(|_| panic!("no tensor {name}")).data().to_vec()
    }
}

fn best(row: &[f32]) -> usize {
    (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).expect("logits")
}

fn log_sum_exp(row: &[f32]) -> f32 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    max + row.iter().map(|logit| f64::from(logit - max).exp()).sum::<f64>().ln() as f32
}
