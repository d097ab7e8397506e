//! Supervised fine-tuning: the cross-entropy of the next token.

use tch::Tensor;

use super::vocabulary::predict;
use super::{Totals, classes};
use crate::TrainError;
use crate::batch::Batch;
use crate::figures::{ACCURACY, Figures, LOSS, PROMPT_LOSS, TRAJECTORIES};
use crate::model::Model;
use crate::sequence::Part;

/// The mean over answer tokens, and the mean over prompt tokens with a weight.
pub(crate) struct Answers {
    pub(crate) prompt_weight: f64,
}

impl Answers {
    /// Hidden states (W, D) -> the loss.
    pub(super) fn loss(
        &self,
        model: &Model,
        hidden: &Tensor,
        batch: &Batch,
        totals: Totals,
    ) -> Result<(Tensor, Figures), TrainError> {
        let (answer, prompt) = (1.0 / totals.targets.max(1.0), self.prompt_weight / totals.prompt.max(1.0));
        let weight = |part: Part| if part == Part::Prompt { prompt } else { answer } as f32;
        let weights: Vec<f32> = batch.targets.iter().map(|target| weight(target.part)).collect();
        let weights = Tensor::f_from_slice(&weights)?.f_to_device(hidden.device())?;
        let found = predict(model, hidden, &classes(batch, i64::from)?, &weights)?;
        Ok((found.loss, figures(batch, &found.losses, &found.hits)))
    }
}

fn figures(batch: &Batch, losses: &[f32], hits: &[f32]) -> Figures {
    let mut figures = Figures::default();
    for (target, (loss, hit)) in batch.targets.iter().zip(losses.iter().zip(hits)) {
        if target.part == Part::Prompt {
            figures.add(PROMPT_LOSS, f64::from(*loss), 1.0);
        } else {
            figures.add(LOSS, f64::from(*loss), 1.0);
            figures.add(ACCURACY, f64::from(*hit), 1.0);
        }
    }
    let is_answer = |index: &usize| batch.targets[*index].part == Part::Answer;
    let mut hits = (0..hits.len()).filter(is_answer).map(|index| hits[index] > 0.5);
    for length in &batch.per_answer {
        let missed = hits.by_ref().take(*length).filter(|hit| !hit).count();
        figures.add(TRAJECTORIES, f64::from(u8::from(missed == 0)), 1.0);
    }
    figures
}
