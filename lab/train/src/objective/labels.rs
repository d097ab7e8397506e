//! ToolPRM, C-PRM and ORM: the cross-entropy of the label at each marker (paper, Eq. 1).

use tch::{Kind, Reduction, Tensor};

use super::vocabulary::predict;
use super::{Totals, classes, numbers};
use crate::TrainError;
use crate::batch::Batch;
use crate::figures::{ACCURACY, Figures, LOSS, POSITIVE};
use crate::model::Model;
use crate::sequence::Part;
use crate::settings::Softmax;

/// The mean over labelled steps.
pub(crate) struct Labels {
    /// The tokens of `+` and `-`.
    pub(crate) positive: u32,
    pub(crate) negative: u32,
    pub(crate) softmax: Softmax,
}

impl Labels {
    /// Hidden states (W, D) -> the loss.
    pub(super) fn loss(
        &self,
        model: &Model,
        hidden: &Tensor,
        batch: &Batch,
        totals: Totals,
    ) -> Result<(Tensor, Figures), TrainError> {
        let (positive, negative) = (self.positive, self.negative);
        let labels = model.logits_of(hidden, &[negative, positive])?; // (W, 2)
        let share = 1.0 / totals.targets.max(1.0);
        let (loss, losses) = if self.softmax == Softmax::Vocabulary {
            let right = classes(batch, |label| i64::from(if label == 1 { positive } else { negative }))?;
            let weights = Tensor::f_full_like(&right.f_to_kind(Kind::Float)?, share)?;
            let found = predict(model, hidden, &right, &weights)?;
            (found.loss, found.losses)
        } else {
            let right = classes(batch, i64::from)?;
            let losses = labels.f_cross_entropy_loss(&right, None::<Tensor>, Reduction::None, -100, 0.0)?;
            (losses.f_sum(Kind::Float)?.f_mul_scalar(share)?, numbers(&losses)?)
        };
        let margins = numbers(&labels.f_select(1, 1)?.f_sub(&labels.f_select(1, 0)?)?)?;
        let mut figures = Figures::default();
        for (target, (loss, margin)) in batch.targets.iter().zip(losses.into_iter().zip(margins)) {
            figures.add(LOSS, f64::from(loss), 1.0);
            let is_right = target.class == 1;
            figures.add(ACCURACY, f64::from(u8::from(is_right == (margin > 0.0))), 1.0);
            figures.add(POSITIVE, f64::from(u8::from(is_right)), 1.0);
            if target.part == Part::Total {
                figures.add_judged(margin, is_right);
            }
        }
        Ok((loss, figures))
    }
}
