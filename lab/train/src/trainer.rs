//! One step after the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};
use toolbeam_lm::ModelConfig;

use crate::TrainError;
use crate::batch::{Batch, PromptDraw};
use crate::corpus::Corpus;
use crate::figures::{Figures, LOSS};
use crate::margins::margins;
use crate::model::Model;
use crate::objective::{Answers, Labels, Objective, Preferences, Totals};
use crate::optimizer::{Optimizer, clip, share};
use crate::parameters::{Parameters, Place};
use crate::plan;
use crate::settings::{Length, Settings, Task};

/// A model that is being trained.
pub struct Trainer<'a> {
    settings: &'a Settings,
    corpus: &'a Corpus,
    pub(crate) parameters: Parameters,
    model: Model,
    pub(crate) optimizer: Optimizer,
    objective: Objective,
    /// The tokens of `+` and `-`, if there are any.
    labels: Option<[u32; 2]>,
    /// (P)
    gradient: Tensor,
    lengths: Vec<usize>,
    /// The batches of the epoch that is gone through.
    epoch: Vec<Vec<usize>>,
    /// The steps of the whole run, where they decide its end.
    steps: Option<u64>,
    pub(crate) progress: Progress,
}

/// How far a run is: where in the data it goes on, and what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that were made.
    pub step: u64,
    /// The epoch that is gone through.
    pub epoch: u64,
    /// Its batches that were seen.
    pub batch: usize,
    /// Tokens that were seen, without padding.
    pub tokens: u64,
    /// Seconds of training over all parts of the run.
    pub seconds: f64,
}

/// What a step says of itself.
#[derive(Clone, Debug)]
pub struct Step {
    /// How far the run is after it.
    pub progress: Progress,
    /// The share of the run that is over, in [0, 1].
    pub done: f64,
    /// Losses and accuracies of its batches.
    pub figures: Figures,
    /// The gradient's length before it was shortened.
    pub gradient: f64,
    /// The share of the highest rate.
    pub share: f64,
    /// Tokens of its batches, without padding.
    pub tokens: usize,
}

impl<'a> Trainer<'a> {
    /// A trainer at the beginning of a run, of a model with these weights by name. `labels` are the tokens of `+`
    /// and `-`, for a task that has them.
    ///
    /// # Errors
    /// [`TrainError::Setting`], [`TrainError::Torch`].
    pub fn new(
        settings: &'a Settings,
        corpus: &'a Corpus,
        (config, labels): (&ModelConfig, Option<[u32; 2]>),
        weights: &BTreeMap<String, Tensor>,
        (kind, device): (Kind, Device),
    ) -> Result<Trainer<'a>, TrainError> {
        settings.check()?;
        let mut parameters = Parameters::new(config, weights, device)?;
        let model = Model::new(config, &mut parameters, (kind, device))?;
        let optimizer = Optimizer::new(&settings.optimizer, &parameters, kind)?;
        let gradient = parameters.values().f_zeros_like()?;
        let mut trainer = Trainer {
            settings,
            corpus,
            parameters,
            model,
            optimizer,
            objective: objective(&settings.task, labels)?,
            labels,
            gradient,
            lengths: corpus.lengths(),
            epoch: Vec::new(),
            steps: None,
            progress: Progress::default(),
        };
        trainer.steps = trainer.count_steps();
        trainer.epoch = trainer.plan(0);
        Ok(trainer)
    }

    /// Goes on from here; weights and the optimizer's memory were set to what they were.
    pub(crate) fn go_on_from(&mut self, progress: Progress) {
        self.progress = progress;
        self.epoch = self.plan(progress.epoch);
    }

    /// The share of the run that is over, in [0, 1].
    pub fn done(&self) -> f64 {
        match (self.steps, self.settings.length) {
            (Some(steps), _) => self.progress.step as f64 / steps as f64,
            (None, Length::Minutes(minutes)) => self.progress.seconds / (60.0 * minutes),
            (None, _) => 1.0,
        }
        .min(1.0)
    }

    /// The steps of the whole run, unless time decides its end.
    pub fn steps(&self) -> Option<u64> {
        self.steps
    }

    /// The last step's gradient by the names of the parameters, shortened as it was used.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub fn gradient(&self) -> Result<BTreeMap<String, Tensor>, TrainError> {
        let named = |place: &Place| Ok((place.name.clone(), self.parameters.part(&self.gradient, place)?));
        self.parameters.places().iter().map(named).collect()
    }

    /// Every parameter and where it lies.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Makes a step.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::Torch`].
    pub fn step(&mut self) -> Result<Step, TrainError> {
        let began = std::time::Instant::now();
        let batches = self.next_batches()?;
        let totals = Totals::of(&self.objective, &batches);
        let mut figures = Figures::default();
        let _ = self.gradient.f_zero_()?;
        for batch in &batches {
            let (loss, found) = self.objective.loss(&self.model, batch, totals)?;
            self.parameters.add_gradient(&loss, &self.gradient)?;
            figures.merge(&found);
        }
        let loss = figures.get(LOSS).unwrap_or_default();
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step: self.progress.step, loss });
        }
        let gradient = clip(&mut self.gradient, self.settings.clip)?;
        let share = share(self.done(), self.settings.warmup, self.settings.floor);
        tch::no_grad(|| self.optimizer.step(&self.parameters, &self.gradient, (self.progress.step, share)))?;
        let tokens = batches.iter().map(|batch| batch.count).sum();
        self.progress.step += 1;
        self.progress.tokens += tokens as u64;
        self.progress.seconds += began.elapsed().as_secs_f64();
        Ok(Step { progress: self.progress, done: self.done(), figures, gradient, share, tokens })
    }

    /// What the model, as it is, makes of another set.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub fn validate(&self, corpus: &Corpus) -> Result<Figures, TrainError> {
        let mut figures = Figures::default();
        tch::no_grad(|| {
            for rows in plan::by_length(&corpus.lengths(), self.settings.batch_tokens) {
                let batch = corpus.batch(&rows, None, self.model.options())?;
                let totals = Totals::of(&self.objective, [&batch]);
                figures.merge(&self.objective.loss(&self.model, &batch, totals)?.1);
            }
            Ok(figures)
        })
    }

    /// What becomes a reward at every target of another set, row by row, as the model is: s+ - s-, or the number of
    /// a scalar head. The reward is its sigmoid.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub fn margins(&self, corpus: &Corpus) -> Result<Vec<Vec<f32>>, TrainError> {
        margins(&self.model, self.labels, corpus, self.settings.batch_tokens)
    }

    /// The batches of the next step. One at an epoch's end may have fewer.
    fn next_batches(&mut self) -> Result<Vec<Batch>, TrainError> {
        if self.progress.batch >= self.epoch.len() {
            self.progress.epoch += 1;
            self.progress.batch = 0;
            self.epoch = self.plan(self.progress.epoch);
        }
        let Progress { epoch, batch: first, .. } = self.progress;
        let end = (first + self.settings.accumulate).min(self.epoch.len());
        self.progress.batch = end;
        let draw = match self.settings.task {
            Task::Answers { prompt_share: share, .. } if share > 0.0 => {
                Some(PromptDraw { share, seed: self.settings.seed, epoch })
            }
            Task::Answers { .. } | Task::Labels { .. } | Task::Preferences { .. } => None,
        };
        let batches = self.epoch[first..end].iter();
        batches.map(|rows| self.corpus.batch(rows, draw.as_ref(), self.model.options())).collect()
    }

    fn plan(&self, epoch: u64) -> Vec<Vec<usize>> {
        plan::epoch(&self.lengths, self.settings.batch_tokens, self.settings.seed, epoch)
    }

    fn count_steps(&self) -> Option<u64> {
        match self.settings.length {
            Length::Steps(steps) => Some(steps),
            Length::Epochs(epochs) => {
                let steps = |epoch| self.plan(epoch).len().div_ceil(self.settings.accumulate) as u64;
                Some((0..epochs).map(steps).sum())
            }
            Length::Minutes(_) => None,
        }
    }
}

fn objective(task: &Task, labels: Option<[u32; 2]>) -> Result<Objective, TrainError> {
    Ok(match (task, labels) {
        (Task::Answers { prompt_weight, .. }, _) => {
            Objective::Answers(Answers { prompt_weight: *prompt_weight })
        }
        (Task::Labels { softmax, .. }, Some([positive, negative])) => {
            Objective::Labels(Labels { positive, negative, softmax: *softmax })
        }
        (Task::Labels { .. }, None) => return Err(TrainError::no_labels()),
        (Task::Preferences { centring }, _) => Objective::Preferences(Preferences { centring: *centring }),
    })
}
