//! Temperature scaling of a trained reward model (Guo and others, 2017, arXiv 1706.04599).

mod fit;
mod write;

use std::path::{Path, PathBuf};

use toolbeam_dataset::LabelledPrompt;
use toolbeam_lm::{DeviceChoice, DtypeChoice, LmError, ModelFiles, ModelFolder, choose_device, choose_dtype};
use toolbeam_reward::{Calibration, RewardTokens};

use crate::TrainError;
use crate::corpus::{Chosen, Corpus};
use crate::folder::Interface;
use crate::margins::margins;
use crate::model::Model;
use crate::parameters::Parameters;
use crate::records::of_labelled;

pub use fit::Quality;
use fit::{Judgement, RANGE, counts, fit, quality};

/// The most tokens of a batch.
const BATCH_TOKENS: usize = 8192;

/// What is calibrated, with what.
#[derive(Clone, Debug)]
pub struct CalibrationConfig {
    /// The reward model's folder.
    pub model: PathBuf,
    /// A folder of parts to fit to: [`LabelledPrompt`]s.
    pub validation: PathBuf,
    /// A folder of parts to measure with; without one, every second prompt of `validation` is for that and not
    /// fitted to.
    pub holdout: Option<PathBuf>,
    /// Give markers with at least 200 labels a temperature of their own.
    pub per_marker: bool,
    /// Where the calibrated model goes; without it, into the model's own `toolbeam.json`.
    pub out: Option<PathBuf>,
    /// The longest row, in tokens; longer answers are left out.
    pub longest: usize,
    /// Where to compute.
    pub device: DeviceChoice,
    /// In which type.
    pub dtype: DtypeChoice,
    /// Threads of one operation on the CPU.
    pub threads: Option<usize>,
}

/// What a calibration found.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The temperatures, as they were written.
    pub calibration: Calibration,
    /// How many labels were fitted to, by marker.
    pub fitted: Vec<(&'static str, usize)>,
    /// How well rewards without any temperature are calibrated, on what was not fitted to.
    pub before: Quality,
    /// How well they are with these.
    pub after: Quality,
    /// The folder that has them.
    pub folder: PathBuf,
}

impl Calibrated {
    /// Whether the shared temperature is an end of the range that is searched: the model is never wrong, or not
    /// better than chance.
    pub fn is_at_an_end(&self) -> bool {
        let temperature = self.calibration.temperature;
        temperature < RANGE.0 * 1.01 || temperature > RANGE.1 * 0.99
    }
}

/// Fits temperatures to labels, and writes them into `toolbeam.json`. What the folder had before does not matter:
/// it is the logits that are fitted to.
///
/// # Errors
/// The folder is no reward model, the records cannot be used, or what is to be written cannot be.
pub fn calibrate(config: &CalibrationConfig) -> Result<Calibrated, TrainError> {
    if config.holdout.as_ref() == Some(&config.validation) {
        let message = "is what is fitted to; give other prompts, or leave it out".to_owned();
        return Err(TrainError::Setting { setting: "holdout", message });
    }
    let judge = Judge::load(config)?;
    let (fitted, measured) = match &config.holdout {
        Some(holdout) => (judge.judge(&config.validation, Chosen::All)?, judge.judge(holdout, Chosen::All)?),
        None => {
            let folder = &config.validation;
            (judge.judge(folder, Chosen::Even)?, judge.judge(folder, Chosen::Odd)?)
        }
    };
    let calibration = fit(&fitted, config.per_marker);
    let folder = write::write(&config.model, &calibration, config.out.as_deref())?;
    Ok(Calibrated {
        fitted: counts(&fitted).into_iter().collect(),
        before: quality(&measured, &Calibration::NONE),
        after: quality(&measured, &calibration),
        calibration,
        folder,
    })
}

/// A reward model that says what it thinks of labelled answers.
struct Judge {
    interface: Interface,
    tokens: RewardTokens,
    model: Model,
    longest: usize,
}

impl Judge {
    fn load(config: &CalibrationConfig) -> Result<Judge, TrainError> {
        let files = ModelFiles::Folder(config.model.clone());
        let interface = Interface::read(&files)?;
        let tokens = RewardTokens::find(&files, &interface.config, &interface.tokenizer)?;
        let chosen = choose_device(config.device)
            .map_err(|message| LmError::ModelFile { file: "--device".into(), message })?;
        if let Some(threads) = config.threads {
            tch::set_num_threads(threads as i32);
        }
        let (kind, _reason) = choose_dtype(config.dtype, chosen.device);
        let weights = ModelFolder::read(&files)?.load_parameters(&files, chosen.device)?;
        let mut parameters = Parameters::new(&interface.config, &weights, chosen.device)?;
        let model = Model::new(&interface.config, &mut parameters, (kind, chosen.device))?;
        Ok(Judge { interface, tokens, model, longest: config.longest })
    }

    fn judge(&self, folder: &Path, chosen: Chosen) -> Result<Vec<Judgement>, TrainError> {
        let Judge { interface, tokens, longest, .. } = self;
        let rows = |prompt: &LabelledPrompt| of_labelled(prompt, (interface, tokens), *longest);
        let corpus = Corpus::gather(folder, chosen, rows)?;
        let labels = <[u32; 2]>::try_from(self.tokens.labels().collect::<Vec<_>>()).ok();
        let margins = margins(&self.model, labels, &corpus, BATCH_TOKENS)?;
        if margins.iter().flatten().any(|margin| !margin.is_finite()) {
            let message = "gives logits that are no finite numbers; train it anew".to_owned();
            return Err(TrainError::Setting { setting: "model", message });
        }
        let judgements = corpus.rows.iter().zip(margins).flat_map(|(row, margins)| {
            let pairs = row.targets.iter().zip(margins);
            pairs.filter_map(|(target, margin)| {
                let marker = self.tokens.marker_name(row.tokens[target.at as usize])?;
                Some(Judgement { marker, margin: f64::from(margin), is_right: target.class == 1 })
            })
        });
        Ok(judgements.collect())
    }
}
