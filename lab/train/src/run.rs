//! A run: its folder, its beginning or going on, its end.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tch::{Device, Kind};
use toolbeam_dataset::place;
use toolbeam_lm::{DeviceChoice, DtypeChoice, LmError, ModelFiles, choose_device, choose_dtype};
use toolbeam_reward::RewardTokens;

use crate::TrainError;
use crate::checkpoint;
use crate::corpus::{Corpus, Counts};
use crate::events::EventFile;
use crate::export::export;
use crate::figures::Figures;
use crate::folder::{Interface, first_weights, prepare};
use crate::history::{self, Validation};
use crate::settings::{Settings, Task};
use crate::trainer::{Step, Trainer};

const MODEL: &str = "model";
const SETTINGS: &str = "settings.json";

/// Where a run reads and writes, and how it computes.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The model to begin with.
    pub base: ModelFiles,
    /// The folder of parts to learn from.
    pub data: PathBuf,
    /// The folder of parts to validate with.
    pub validation: Option<PathBuf>,
    /// Steps between two validations; at the end there is one too.
    pub validate_every: u64,
    /// The run's own folder.
    pub run: PathBuf,
    /// Time between two checkpoints; at the end there is one too.
    pub checkpoint_every: Duration,
    /// Where the trained model goes.
    pub out: Option<PathBuf>,
    /// The type of its weights; auto is bfloat16.
    pub out_dtype: DtypeChoice,
    /// Where to compute.
    pub device: DeviceChoice,
    /// In which type.
    pub dtype: DtypeChoice,
    /// Threads of one operation on the CPU.
    pub threads: Option<usize>,
}

/// What happens in a run.
pub enum RunEvent<'a> {
    /// The data were read.
    Read {
        /// What became of the records to learn from.
        train: Counts,
        /// What became of those to validate with.
        validation: Option<Counts>,
        /// Steps in all, unless time decides.
        steps: Option<u64>,
    },
    /// It goes on where it was.
    GoesOn {
        /// Steps that were made before.
        step: u64,
    },
    /// A step was made.
    Stepped(&'a Step),
    /// The model was validated.
    Validated {
        /// After how many steps.
        step: u64,
        /// What was found.
        figures: &'a Figures,
    },
    /// The trained model was written.
    Exported(&'a Path),
}

/// How far a run came.
#[derive(Debug)]
pub struct Ending {
    /// Whether it is at its end. Otherwise it was told to break off, and goes on from here when it is run again.
    pub is_over: bool,
    /// What the last validation found, if there was one.
    pub validation: Option<Figures>,
}

/// Trains, or goes on where a run was, until its end or until `tell`, which hears what happens, breaks it off.
///
/// # Errors
/// [`TrainError`]; what was done up to the last checkpoint is kept.
pub fn train(
    config: &RunConfig,
    settings: &Settings,
    mut tell: impl FnMut(RunEvent<'_>) -> ControlFlow<()>,
) -> Result<Ending, TrainError> {
    settings.check()?;
    let chosen = choose_device(config.device)
        .map_err(|message| LmError::ModelFile { file: "--device".into(), message })?;
    if let Some(threads) = config.threads {
        tch::set_num_threads(threads as i32);
    }
    let (kind, reason) = choose_dtype(config.dtype, chosen.device);
    tracing::info!(device = ?chosen.device, ?kind, reason, "training");
    let model = config.run.join(MODEL);
    if !config.run.join(SETTINGS).exists() {
        prepare(&config.base, &settings.task, &model)?;
    }
    let corpus = Corpus::read(&config.data, &model, settings)?;
    let validation =
        config.validation.as_ref().map(|folder| Corpus::read(folder, &model, settings)).transpose()?;
    settle(&config.run, &described(settings, &corpus, kind))?;
    let mut trainer = begin(config, settings, &corpus, (kind, chosen.device))?;
    let validation_counts = validation.as_ref().map(|corpus| corpus.counts);
    let _ =
        tell(RunEvent::Read { train: corpus.counts, validation: validation_counts, steps: trainer.steps() });
    if checkpoint::load(&config.run, &mut trainer)? {
        let _ = tell(RunEvent::GoesOn { step: trainer.progress.step });
    }
    history::cut(&config.run, trainer.progress.step)?;
    let mut run = Run { config, trainer, validation, events: EventFile::create(&config.run.join("events"))? };
    let ending = run.go(&mut tell)?;
    if let Some(out) = config.out.as_ref().filter(|_| ending.is_over) {
        let kind = if config.out_dtype == DtypeChoice::Float32 { Kind::Float } else { Kind::BFloat16 };
        export(&model, run.trainer.parameters(), kind, out)?;
        let _ = tell(RunEvent::Exported(out));
    }
    Ok(ending)
}

/// A trainer with the weights that a run begins with.
fn begin<'a>(
    config: &RunConfig,
    settings: &'a Settings,
    corpus: &'a Corpus,
    options: (Kind, Device),
) -> Result<Trainer<'a>, TrainError> {
    let files = ModelFiles::Folder(config.run.join(MODEL));
    let interface = Interface::read(&files)?;
    let labels = match settings.task {
        Task::Answers { .. } | Task::Preferences { .. } => None,
        Task::Labels { .. } => {
            let tokens = RewardTokens::find(&files, &interface.config, &interface.tokenizer)?;
            let labels: Vec<u32> = tokens.labels().collect();
            <[u32; 2]>::try_from(labels).ok()
        }
    };
    let weights = first_weights(&config.base, &interface.config)?;
    Trainer::new(settings, corpus, (&interface.config, labels), &weights, options)
}

/// A run that goes on.
struct Run<'a> {
    config: &'a RunConfig,
    trainer: Trainer<'a>,
    validation: Option<Corpus>,
    events: EventFile,
}

impl Run<'_> {
    fn go(&mut self, tell: &mut impl FnMut(RunEvent<'_>) -> ControlFlow<()>) -> Result<Ending, TrainError> {
        let mut saved = Instant::now();
        let mut ending = Ending { is_over: self.trainer.done() >= 1.0, validation: None };
        while !ending.is_over {
            let step = self.trainer.step()?;
            self.note(&step)?;
            let told = tell(RunEvent::Stepped(&step));
            ending.is_over = self.trainer.done() >= 1.0;
            if ending.is_over || step.progress.step.is_multiple_of(self.config.validate_every.max(1)) {
                ending.validation = self.validate(tell)?;
            }
            let ends = ending.is_over || told.is_break();
            if ends || saved.elapsed() >= self.config.checkpoint_every {
                checkpoint::save(&self.config.run, &self.trainer)?;
                saved = Instant::now();
            }
            if ends {
                break;
            }
        }
        Ok(ending)
    }

    fn note(&mut self, step: &Step) -> Result<(), TrainError> {
        let named: Vec<(String, f64)> =
            step.figures.iter().map(|(name, value)| (format!("train/{name}"), value)).collect();
        let points = named.iter().map(|(name, value)| (name.as_str(), *value));
        let own = [("train/gradient", step.gradient), ("train/share_of_rate", step.share)];
        self.events.add(step.progress.step, points.chain(own))
    }

    fn validate(
        &mut self,
        tell: &mut impl FnMut(RunEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Figures>, TrainError> {
        let Some(corpus) = &self.validation else { return Ok(None) };
        let figures = self.trainer.validate(corpus)?;
        let step = self.trainer.progress.step;
        let found = Validation::of(step, &figures);
        history::add(&self.config.run, &found)?;
        let points = found.figures.iter().map(|(name, (mean, _))| (format!("validation/{name}"), *mean));
        let points: Vec<(String, f64)> = points.collect();
        self.events.add(step, points.iter().map(|(name, value)| (name.as_str(), *value)))?;
        let _ = tell(RunEvent::Validated { step, figures: &figures });
        Ok(Some(figures))
    }
}

/// Everything that must be equal for a run to go on.
fn described(settings: &Settings, corpus: &Corpus, kind: Kind) -> Map<String, Value> {
    let mut described = match json!(settings) {
        Value::Object(described) => described,
        _ => Map::new(),
    };
    let dtype = if kind == Kind::BFloat16 { "bfloat16" } else { "float32" };
    described.insert("dtype".to_owned(), dtype.into());
    described.insert("data".to_owned(), corpus.digest().into());
    described
}

/// Writes down what a run is of, or refuses to go on with one of something else.
fn settle(run: &Path, given: &Map<String, Value>) -> Result<(), TrainError> {
    let path = run.join(SETTINGS);
    if !path.exists() {
        let text = serde_json::to_vec_pretty(given).map_err(|error| TrainError::write(&path, error))?;
        return Ok(place(&path, &text)?);
    }
    let text = fs::read(&path).map_err(|error| TrainError::read(&path, error))?;
    let stored: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| TrainError::read(&path, error))?;
    match given.iter().find(|(field, value)| stored.get(*field) != Some(*value)) {
        None => Ok(()),
        Some((field, value)) => Err(TrainError::OtherRun {
            path: run.to_owned(),
            field: field.clone(),
            stored: stored.get(field).map(Value::to_string).unwrap_or_default(),
            given: value.to_string(),
        }),
    }
}
