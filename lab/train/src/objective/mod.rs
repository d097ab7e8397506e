//! What is minimised: one objective per file.

mod answers;
mod labels;
mod preferences;
mod vocabulary;

use tch::Tensor;

use crate::TrainError;
use crate::batch::Batch;
use crate::figures::Figures;
use crate::model::Model;
use crate::sequence::Part;

pub(crate) use answers::Answers;
pub(crate) use labels::Labels;
pub(crate) use preferences::Preferences;

/// An objective.
pub(crate) enum Objective {
    Answers(Answers),
    Labels(Labels),
    Preferences(Preferences),
}

/// What the losses of a step are divided by, counted over all its batches, so that several batches have the
/// gradient of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Tokens of answers, labelled steps or pairs.
    pub(crate) targets: f64,
    /// Tokens of prompts.
    pub(crate) prompt: f64,
}

impl Totals {
    /// Of batches together.
    pub(crate) fn of<'a>(objective: &Objective, batches: impl IntoIterator<Item = &'a Batch>) -> Totals {
        batches.into_iter().fold(Totals::default(), |totals, batch| Totals {
            targets: totals.targets + objective.count(batch),
            prompt: totals.prompt + batch.about(Part::Prompt) as f64,
        })
    }
}

impl Objective {
    /// A number with the gradients of a batch's loss, and what there is to say about it.
    pub(crate) fn loss(
        &self,
        model: &Model,
        batch: &Batch,
        totals: Totals,
    ) -> Result<(Tensor, Figures), TrainError> {
        let hidden = model.hidden(batch)?;
        match self {
            Objective::Answers(answers) => answers.loss(model, &hidden, batch, totals),
            Objective::Labels(labels) => labels.loss(model, &hidden, batch, totals),
            Objective::Preferences(preferences) => preferences.loss(model, &hidden, batch, totals),
        }
    }

    fn count(&self, batch: &Batch) -> f64 {
        match self {
            Objective::Answers(_) => batch.about(Part::Answer) as f64,
            Objective::Labels(_) => batch.targets.len() as f64,
            Objective::Preferences(_) => preferences::pairs(batch).len() as f64,
        }
    }
}

/// The classes of a batch's targets, (W) int64.
fn classes(batch: &Batch, class: impl Fn(u32) -> i64) -> Result<Tensor, TrainError> {
    let classes: Vec<i64> = batch.targets.iter().map(|target| class(target.class)).collect();
    Ok(Tensor::f_from_slice(&classes)?.f_to_device(batch.wanted.device())?)
}

/// A tensor's numbers.
pub(crate) fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TrainError> {
    let flat = tensor.f_detach()?.f_to_kind(tch::Kind::Float)?.f_reshape([-1])?;
    let mut numbers = vec![0.0; flat.numel()];
    flat.f_copy_data(&mut numbers, flat.numel())?;
    Ok(numbers)
}
