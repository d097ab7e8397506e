//! How fast steps are, on rows that are given.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use toolbeam_lm::{DeviceChoice, DtypeChoice, LmError, ModelFiles, ModelFolder, choose_device, choose_dtype};

use crate::TrainError;
use crate::corpus::Corpus;
use crate::figures::LOSS;
use crate::sequence::{Part, Sequence, Target};
use crate::settings::{Settings, Task};
use crate::trainer::Trainer;

/// What is measured.
#[derive(Clone, Debug)]
pub struct MeasureConfig {
    /// The model.
    pub model: ModelFiles,
    /// A JSON list of [`MeasuredRow`]s.
    pub rows: PathBuf,
    /// The tokens of `+` and `-` for a task with labels.
    pub labels: [u32; 2],
    /// Steps that are made before the clock starts.
    pub warm_up: u64,
    /// In which type to compute.
    pub dtype: DtypeChoice,
    /// Threads of one operation.
    pub threads: Option<usize>,
}

/// A prompt and its answers as tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeasuredRow {
    /// The prompt's tokens.
    pub prompt: Vec<u32>,
    /// The answers'.
    pub answers: Vec<MeasuredAnswer>,
}

/// An answer as tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeasuredAnswer {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Which of them have labels, and 1 for `+` or 0 for `-`.
    #[serde(default)]
    pub marks: Vec<(u32, u32)>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Steps within the time.
    pub steps: u64,
    /// Their tokens, without padding.
    pub tokens: usize,
    /// The time.
    pub seconds: f64,
    /// The loss of each step, those before the clock included.
    pub losses: Vec<f64>,
}

/// Makes the steps of `settings` on the CPU, and takes their time.
///
/// # Errors
/// [`TrainError`] if the model or the rows cannot be used.
pub fn measure(config: &MeasureConfig, settings: &Settings) -> Result<Measured, TrainError> {
    let chosen = choose_device(DeviceChoice::Cpu)
        .map_err(|message| LmError::ModelFile { file: "--device".into(), message })?;
    if let Some(threads) = config.threads {
        tch::set_num_threads(threads as i32);
    }
    let text = std::fs::read(&config.rows).map_err(|error| TrainError::read(&config.rows, error))?;
    let rows: Vec<MeasuredRow> =
        serde_json::from_slice(&text).map_err(|error| TrainError::read(&config.rows, error))?;
    let is_predicted = matches!(settings.task, Task::Answers { .. });
    let rows = rows.iter().map(|row| row.sequence(is_predicted)).collect();
    let corpus = Corpus { rows, ..Corpus::default() };
    let folder = ModelFolder::read(&config.model)?;
    let weights = folder.load_parameters(&config.model, chosen.device)?;
    let options = (choose_dtype(config.dtype, chosen.device).0, chosen.device);
    let model = (&folder.config, Some(config.labels));
    let mut trainer = Trainer::new(settings, &corpus, model, &weights, options)?;
    let mut measured = Measured { steps: 0, tokens: 0, seconds: 0.0, losses: Vec::new() };
    let mut began = Instant::now();
    while trainer.done() < 1.0 {
        let step = trainer.step()?;
        measured.losses.extend(step.figures.get(LOSS));
        if step.progress.step == config.warm_up {
            began = Instant::now();
        } else if step.progress.step > config.warm_up {
            measured.steps += 1;
            measured.tokens += step.tokens;
        }
    }
    measured.seconds = began.elapsed().as_secs_f64();
    Ok(measured)
}

impl MeasuredRow {
    /// The row, with all tokens of answers to be predicted, or with their labels.
    pub fn sequence(&self, is_predicted: bool) -> Sequence {
        let mut sequence = Sequence::of_prompt(&self.prompt);
        for answer in &self.answers {
            let target = |(at, class): &(u32, u32)| Target { at: *at, class: *class, part: Part::Step };
            match is_predicted {
                true => sequence.add_predicted(&[], &answer.tokens),
                false => sequence.add(&answer.tokens, answer.marks.iter().map(target)),
            }
        }
        sequence
    }
}
