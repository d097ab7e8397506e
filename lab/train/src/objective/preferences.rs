//! ToolRM: right answers above wrong ones to the same prompt (arXiv 2509.11963; Bradley and Terry, 1952).

use tch::{Kind, Tensor};

use super::{Totals, numbers};
use crate::TrainError;
use crate::batch::Batch;
use crate::figures::{ACCURACY, Figures, LOSS};
use crate::model::Model;

/// The mean over pairs of `-log sigmoid(r+ - r-) + centring * (r+ + r-)^2`.
pub(crate) struct Preferences {
    pub(crate) centring: f64,
}

/// Every right answer with every wrong one of its row, as indices of targets.
pub(super) fn pairs(batch: &Batch) -> Vec<(i64, i64)> {
    let class = |index: &usize| batch.targets[*index].class;
    let of_row = |row: std::ops::Range<usize>| {
        let (right, wrong): (Vec<usize>, Vec<usize>) = row.partition(|index| class(index) == 1);
        let pair =
            move |right: usize| wrong.clone().into_iter().map(move |wrong| (right as i64, wrong as i64));
        right.into_iter().flat_map(pair).collect::<Vec<_>>()
    };
    batch.rows().flat_map(of_row).collect()
}

impl Preferences {
    /// Hidden states (W, D) -> the loss.
    pub(super) fn loss(
        &self,
        model: &Model,
        hidden: &Tensor,
        batch: &Batch,
        totals: Totals,
    ) -> Result<(Tensor, Figures), TrainError> {
        let rewards = model.logits_of(hidden, &[0])?.f_view([-1])?; // (W)
        let (right, wrong): (Vec<i64>, Vec<i64>) = pairs(batch).into_iter().unzip();
        let of = |indices: &[i64]| -> Result<Tensor, TrainError> {
            let indices = Tensor::f_from_slice(indices)?.f_to_device(rewards.device())?;
            Ok(rewards.f_index_select(0, &indices)?)
        };
        let (right, wrong) = (of(&right)?, of(&wrong)?); // (pairs)
        let margins = right.f_sub(&wrong)?;
        let centres = right.f_add(&wrong)?.f_square()?.f_mul_scalar(self.centring)?;
        let losses = margins.f_log_sigmoid()?.f_neg()?.f_add(&centres)?;
        let loss = losses.f_sum(Kind::Float)?.f_div_scalar(totals.targets.max(1.0))?;
        let mut figures = Figures::default();
        for (loss, margin) in numbers(&losses)?.iter().zip(numbers(&margins)?) {
            figures.add(LOSS, f64::from(*loss), 1.0);
            figures.add(ACCURACY, f64::from(u8::from(margin > 0.0)), 1.0);
        }
        for (target, reward) in batch.targets.iter().zip(numbers(&rewards)?) {
            figures.add_judged(reward, target.class == 1);
        }
        Ok((loss, figures))
    }
}
