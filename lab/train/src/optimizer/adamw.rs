//! AdamW (arXiv 1711.05101), as in `torch.optim.AdamW`, over a part of the buffer.

use tch::Tensor;

use crate::TrainError;
use crate::parameters::{Parameters, Role};
use crate::settings::AdamWSettings;

pub(super) struct AdamW {
    settings: AdamWSettings,
    /// The part of the buffer: first element and how many.
    part: (i64, i64),
    /// How many of them, from the first on, shrink.
    decayed: i64,
    /// The gradients' mean, (part).
    first: Tensor,
    /// The mean of their squares, (part).
    second: Tensor,
}

impl AdamW {
    /// For parameters of `roles`, of which those of `decayed` come first and shrink.
    pub(super) fn new(
        settings: AdamWSettings,
        parameters: &Parameters,
        roles: &[Role],
        decayed: &[Role],
    ) -> Result<AdamW, TrainError> {
        let range = parameters.range(roles);
        let part = (range.start, range.end - range.start);
        let shrinking = parameters.range(decayed);
        let like = parameters.values().f_narrow(0, part.0, part.1)?;
        Ok(AdamW {
            settings,
            part,
            decayed: shrinking.end - shrinking.start,
            first: like.f_zeros_like()?,
            second: like.f_zeros_like()?,
        })
    }

    pub(super) fn step(
        &mut self,
        parameters: &Parameters,
        gradient: &Tensor,
        (step, share): (u64, f64),
    ) -> Result<(), TrainError> {
        let AdamWSettings { rate, betas, epsilon, decay } = self.settings;
        let rate = rate * share;
        let mut values = parameters.values().f_narrow(0, self.part.0, self.part.1)?;
        let gradient = gradient.f_narrow(0, self.part.0, self.part.1)?;
        if decay > 0.0 && self.decayed > 0 {
            let _ = values.f_narrow(0, 0, self.decayed)?.f_mul_scalar_(1.0 - rate * decay)?;
        }
        let _ = self.first.f_lerp_(&gradient, 1.0 - betas.0)?;
        let squares = gradient.f_square()?;
        let _ = self.second.f_lerp_(&squares, 1.0 - betas.1)?;
        let count = (step + 1) as f64;
        let (first, second) = (1.0 - betas.0.powf(count), 1.0 - betas.1.powf(count));
        let mut size = self.second.f_sqrt()?;
        let _ = size.f_div_scalar_(second.sqrt())?.f_add_scalar_(epsilon)?;
        let _ = size.f_reciprocal_()?.f_mul_(&self.first)?;
        let _ = values.f_sub_(&size.f_mul_scalar_(rate / first)?)?;
        Ok(())
    }

    pub(super) fn memory(&self) -> [(&'static str, &Tensor); 2] {
        [("adamw.first", &self.first), ("adamw.second", &self.second)]
    }
}
