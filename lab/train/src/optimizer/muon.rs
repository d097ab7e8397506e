//! Muon (Jordan and others, 2024) for the matrices of the layers, each of transformers' matrices by itself.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use crate::TrainError;
use crate::parameters::{Parameters, Place, Role};
use crate::settings::MuonSettings;

/// The momentum of the first step, and after how many it is what the settings say.
const FIRST_MOMENTUM: f64 = 0.85;
const RISE: f64 = 200.0;
/// Coefficients of the quintic Newton-Schulz iteration, and how often it is made.
const QUINTIC: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);
const ITERATIONS: usize = 5;

pub(super) struct Muon {
    settings: MuonSettings,
    /// Matrices by their shape with the shorter side first, so that equal ones are computed at once.
    groups: BTreeMap<(i64, i64), Vec<Place>>,
    /// (matrices' elements)
    momentum: Tensor,
    kind: Kind,
}

impl Muon {
    pub(super) fn new(
        settings: MuonSettings,
        parameters: &Parameters,
        kind: Kind,
    ) -> Result<Muon, TrainError> {
        let range = parameters.range(&[Role::Hidden]);
        let mut groups: BTreeMap<(i64, i64), Vec<Place>> = BTreeMap::new();
        for place in parameters.places().iter().filter(|place| place.role == Role::Hidden) {
            let (rows, columns) = (place.shape[0], place.shape[1]);
            groups.entry((rows.min(columns), rows.max(columns))).or_default().push(place.clone());
        }
        // Matrices are the buffer's beginning.
        let momentum =
            parameters.values().f_narrow(0, range.start, range.end - range.start)?.f_zeros_like()?;
        Ok(Muon { settings, groups, momentum, kind })
    }

    pub(super) fn step(
        &mut self,
        parameters: &Parameters,
        gradient: &Tensor,
        (step, share): (u64, f64),
    ) -> Result<(), TrainError> {
        let MuonSettings { rate, momentum, decay } = self.settings;
        let rate = rate * share;
        let momentum = FIRST_MOMENTUM + (momentum - FIRST_MOMENTUM) * (step as f64 / RISE).min(1.0);
        let gradient = gradient.f_narrow(0, 0, self.momentum.numel() as i64)?;
        let _ = self.momentum.f_lerp_(&gradient, 1.0 - momentum)?;
        // Nesterov: the momentum once more.
        let updates = gradient.f_lerp(&self.momentum, momentum)?;
        for group in self.groups.values() {
            let wide = group.iter().map(|place| wide(&parameters.part(&updates, place)?, place));
            let stacked = Tensor::f_stack(&wide.collect::<Result<Vec<_>, TrainError>>()?, 0)?;
            let orthogonal = orthogonal(&stacked, self.kind)?;
            for (index, place) in group.iter().enumerate() {
                let update = self::wide(&orthogonal.f_get(index as i64)?, place)?;
                let scale = (place.shape[0] as f64 / place.shape[1] as f64).max(1.0).sqrt();
                let mut values = parameters.part(parameters.values(), place)?;
                let _ = values.f_mul_scalar_(1.0 - rate * decay)?;
                let _ = values.f_sub_(&update.f_mul_scalar(rate * scale)?)?;
            }
        }
        Ok(())
    }

    pub(super) fn memory(&self) -> &Tensor {
        &self.momentum
    }
}

/// A matrix with its shorter side first; the same again turns it back.
fn wide(matrix: &Tensor, place: &Place) -> Result<Tensor, TrainError> {
    let is_tall = place.shape[0] > place.shape[1];
    Ok(if is_tall { matrix.f_transpose(0, 1)? } else { matrix.shallow_clone() })
}

/// Matrices (n, r, c) with r <= c -> matrices near to the nearest orthogonal ones, float32.
fn orthogonal(matrices: &Tensor, kind: Kind) -> Result<Tensor, TrainError> {
    let (a, b, c) = QUINTIC;
    let length = matrices.f_square()?.f_sum_dim_intlist([1i64, 2].as_slice(), true, Kind::Float)?.f_sqrt()?;
    let mut x = matrices.f_div(&length.f_add_scalar(1e-7)?)?.f_to_kind(kind)?;
    for _ in 0..ITERATIONS {
        let gram = x.f_matmul(&x.f_transpose(1, 2)?)?; // (n, r, r)
        let polynomial = gram.f_baddbmm(&gram, &gram, b, c)?;
        x = x.f_baddbmm(&polynomial, &x, a, 1.0)?;
    }
    Ok(x.f_to_kind(Kind::Float)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_values_come_near_to_one() {
        tch::manual_seed(1);
        let matrices = Tensor::randn([3, 16, 40], (Kind::Float, tch::Device::Cpu));
        let found = orthogonal(&matrices, Kind::Float).expect("products");
        let (_, values, _) = found.svd(true, true);
        assert!(values.min().double_value(&[]) > 0.5, "{values:?}");
        assert!(values.max().double_value(&[]) < 1.3, "{values:?}");
    }
}
