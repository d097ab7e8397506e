//! Rotary position embeddings, as transformers' `modeling_rope_utils.py` computes them, in float32.

use std::f64::consts::PI;

use tch::{Device, Kind, Tensor};

use crate::config::{Rope, Scaling, Yarn};
use crate::{LmError, ModelConfig};

/// The angles by which a position turns each pair of a head. Cosines and sines are computed for the
/// tokens of a pass, so that memory does not grow with the context.
pub struct Rotary {
    /// Per pair, radians per position: (E / 2), float32.
    frequencies: Tensor,
    /// What cosines and sines are multiplied by.
    scale: f64,
}

impl Rotary {
    /// The angles of a model.
    ///
    /// # Errors
    /// [`LmError::Torch`].
    pub fn new(config: &ModelConfig, device: Device) -> Result<Rotary, LmError> {
        let frequencies = frequencies(&config.rope, config.head_dim)?.f_to_device(device)?;
        let scale = match &config.rope.scaling {
            Scaling::Default | Scaling::Linear { .. } => 1.0,
            Scaling::Yarn(yarn) => yarn.attention_factor,
        };
        Ok(Rotary { frequencies, scale })
    }

    /// The rotation of tokens at `positions`, int64 (T), in the type `kind`; on the CPU in float32, in
    /// which its kernels compute.
    ///
    /// # Errors
    /// [`LmError::Torch`].
    pub fn at(&self, positions: &Tensor, kind: Kind) -> Result<Rotation, LmError> {
        let angles = positions.f_to_kind(Kind::Float)?.f_outer(&self.frequencies)?; // (T, E / 2)
        let kind = if positions.device() == Device::Cpu { Kind::Float } else { kind };
        let angles = Tensor::f_cat(&[&angles, &angles], 1)?.f_unsqueeze(1)?; // (T, 1, E)
        Ok(Rotation {
            cos: angles.f_cos()?.f_mul_scalar(self.scale)?.f_to_kind(kind)?,
            sin: angles.f_sin()?.f_mul_scalar(self.scale)?.f_to_kind(kind)?,
        })
    }
}

/// The rotation of the tokens of a pass.
pub struct Rotation {
    /// (T, 1, E)
    pub(crate) cos: Tensor,
    /// (T, 1, E)
    pub(crate) sin: Tensor,
}

impl Rotation {
    /// Rotates (T, heads, E) by each token's angles; the halves of a head form the pairs. It can be
    /// differentiated.
    ///
    /// # Errors
    /// [`LmError::Torch`].
    pub fn apply(&self, heads: &Tensor) -> Result<Tensor, LmError> {
        let half = heads.size()[2] / 2;
        let (first, second) = (heads.f_narrow(2, 0, half)?, heads.f_narrow(2, half, half)?);
        let turned = Tensor::f_cat(&[second.f_neg()?, first], 2)?;
        Ok(heads.f_mul(&self.cos)?.f_add(&turned.f_mul(&self.sin)?)?)
    }
}

/// Radians per position of each pair of a head of width `size`: (size / 2), float32.
fn frequencies(rope: &Rope, size: i64) -> Result<Tensor, LmError> {
    let options = (Kind::Float, Device::Cpu);
    let exponents = Tensor::f_arange_start_step(0, size, 2, options)?.f_div_scalar(size as f64)?;
    let wavelengths = Tensor::f_pow_scalar(rope.theta, &exponents)?;
    let plain = wavelengths.f_reciprocal()?;
    match &rope.scaling {
        Scaling::Default => Ok(plain),
        Scaling::Linear { factor } => Ok(plain.f_div_scalar(*factor)?),
        Scaling::Yarn(yarn) => {
            let stretched = wavelengths.f_mul_scalar(yarn.factor)?.f_reciprocal()?;
            let kept = ramp(rope.theta, yarn, size)?;
            let rest = kept.f_neg()?.f_add_scalar(1.0)?;
            Ok(stretched.f_mul(&rest)?.f_add(&plain.f_mul(&kept)?)?)
        }
    }
}

/// How much of each pair's own frequency YaRN keeps: one for short wavelengths, falling to zero for
/// those that never turn round within the original context. (size / 2), float32.
fn ramp(theta: f64, yarn: &Yarn, size: i64) -> Result<Tensor, LmError> {
    let width = size as f64;
    // The pair that turns `rotations` times within the original context.
    let pair = |rotations: f64| {
        width * (yarn.original_max_position_embeddings / (rotations * 2.0 * PI)).ln() / (2.0 * theta.ln())
    };
    let (low, high) = match (pair(yarn.beta_fast), pair(yarn.beta_slow)) {
        (low, high) if yarn.truncate => (low.floor(), high.ceil()),
        ends => ends,
    };
    let (low, high) = (low.max(0.0), high.min(width - 1.0));
    let span = if low == high { 0.001 } else { high - low };
    let pairs = Tensor::f_arange(size / 2, (Kind::Float, Device::Cpu))?;
    let stretched = pairs.f_sub_scalar(low)?.f_div_scalar(span)?.f_clamp(0.0, 1.0)?;
    Ok(stretched.f_neg()?.f_add_scalar(1.0)?)
}
