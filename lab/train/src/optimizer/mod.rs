//! How gradients change the weights.

mod adamw;
mod muon;
mod schedule;

use tch::{Kind, Tensor};

use crate::TrainError;
use crate::parameters::{Parameters, Role};
use crate::settings::OptimizerSettings;

use adamw::AdamW;
use muon::Muon;
pub(crate) use schedule::share;

/// AdamW for everything, or Muon for the layers' matrices and AdamW for the rest.
pub(crate) struct Optimizer {
    adamw: AdamW,
    muon: Option<Muon>,
}

impl Optimizer {
    /// An optimizer without memory. Muon's products are computed in `kind`.
    pub(crate) fn new(
        settings: &OptimizerSettings,
        parameters: &Parameters,
        kind: Kind,
    ) -> Result<Optimizer, TrainError> {
        let muon = settings.muon.map(|settings| Muon::new(settings, parameters, kind)).transpose()?;
        let (roles, decayed): (&[Role], &[Role]) = match muon {
            None => (&[Role::Hidden, Role::Output, Role::Rest], &[Role::Hidden, Role::Output]),
            Some(_) => (&[Role::Output, Role::Rest], &[Role::Output]),
        };
        let adamw = AdamW::new(settings.adamw, parameters, roles, decayed)?;
        Ok(Optimizer { adamw, muon })
    }

    /// Changes the parameters by `gradient`, (P), at a share of the highest rate. `step` counts from 0.
    pub(crate) fn step(
        &mut self,
        parameters: &Parameters,
        gradient: &Tensor,
        (step, share): (u64, f64),
    ) -> Result<(), TrainError> {
        if let Some(muon) = &mut self.muon {
            muon.step(parameters, gradient, (step, share))?;
        }
        self.adamw.step(parameters, gradient, (step, share))
    }

    /// What it remembers, by name: all that a checkpoint needs beside the weights.
    pub(crate) fn memory(&self) -> Vec<(&'static str, &Tensor)> {
        let muon = self.muon.iter().map(|muon| ("muon.momentum", muon.memory()));
        self.adamw.memory().into_iter().chain(muon).collect()
    }
}

/// Shortens `gradient` to `longest`; gives its length before.
pub(crate) fn clip(gradient: &mut Tensor, longest: f64) -> Result<f64, TrainError> {
    let length = gradient.f_norm()?.f_double_value(&[])?;
    let factor = longest / (length + 1e-6);
    if factor < 1.0 {
        let _ = gradient.f_mul_scalar_(factor)?;
    }
    Ok(length)
}
