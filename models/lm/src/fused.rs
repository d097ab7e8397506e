//! The operations of a block between its matrix products, each in one step: a kernel on the CPU,
//! libtorch's operations elsewhere.

use tch::{Device, Tensor};

use crate::LmError;
use crate::attention::LayerKv;
use crate::cpu::block::{self, Heads, Turn};
use crate::cpu::{Element, slice, slice_mut, with_element};
use crate::rotary::Rotation;

/// Divides each row of (T, D) by its root mean square and scales it by `scale`, (D).
pub(crate) fn rms_norm(hidden: &Tensor, scale: &Tensor, epsilon: f64) -> Result<Tensor, LmError> {
    if hidden.device() != Device::Cpu {
        return Ok(hidden.f_rms_norm(scale.size(), Some(scale), epsilon)?);
    }
    let mut output = hidden.f_empty_like()?;
    with_element!(hidden.kind(), norm_kernel(hidden, scale, epsilon, &mut output))?;
    Ok(output)
}

fn norm_kernel<T: Element>(
    hidden: &Tensor,
    scale: &Tensor,
    epsilon: f64,
    output: &mut Tensor,
) -> Result<(), LmError> {
    block::rms_norm::<T>(slice(hidden)?, slice(scale)?, epsilon as f32, slice_mut(output)?);
    Ok(())
}

/// The gated unit of the MLP: gate and up, (T, 2 * width), -> `silu(gate) * up`, (T, width).
pub(crate) fn gated(gate_up: &Tensor) -> Result<Tensor, LmError> {
    let (tokens, both) = gate_up.size2()?;
    let width = both / 2;
    if gate_up.device() != Device::Cpu {
        return Ok(gate_up.f_narrow(1, 0, width)?.f_silu()?.f_mul(&gate_up.f_narrow(1, width, width)?)?);
    }
    let mut output = Tensor::f_empty([tokens, width], (gate_up.kind(), Device::Cpu))?;
    with_element!(gate_up.kind(), gate_kernel(gate_up, width as usize, &mut output))?;
    Ok(output)
}

fn gate_kernel<T: Element>(gate_up: &Tensor, width: usize, output: &mut Tensor) -> Result<(), LmError> {
    block::gated::<T>(slice(gate_up)?, width, slice_mut(output)?);
    Ok(())
}

/// What is done to queries and keys before they attend.
pub(crate) struct Turning<'a> {
    /// The rotation of the tokens.
    pub(crate) rotation: &'a Rotation,
    /// The scales of query heads, then of key heads, (H + K, E), and the epsilon, where heads are normed.
    pub(crate) norm: Option<(&'a Tensor, f64)>,
    /// H and K.
    pub(crate) heads: (i64, i64),
}

/// Norms and rotates the queries and keys of `qkv`, (T, H + 2K, E), and puts keys and values into
/// `slots`, int64 (T), of a layer. Returns the queries, (T, H, E), contiguous.
pub(crate) fn rotate_and_store(
    qkv: &Tensor,
    turning: &Turning,
    slots: &Tensor,
    kv: &mut LayerKv,
) -> Result<Tensor, LmError> {
    let (tokens, _, size) = qkv.size3()?;
    let (heads, kv_heads) = turning.heads;
    if qkv.device() == Device::Cpu {
        let mut queries = Tensor::f_empty([tokens, heads, size], (qkv.kind(), Device::Cpu))?;
        with_element!(qkv.kind(), rotate_kernel(qkv, turning, slots, (kv, &mut queries)))?;
        return Ok(queries);
    }
    let mut queries_and_keys = qkv.f_narrow(1, 0, heads + kv_heads)?;
    if let Some((scale, epsilon)) = turning.norm {
        queries_and_keys = queries_and_keys.f_rms_norm([size], None::<Tensor>, epsilon)?.f_mul(scale)?;
    }
    let rotated = turning.rotation.apply(&queries_and_keys)?;
    let _ = kv.keys.f_index_copy_(0, slots, &rotated.f_narrow(1, heads, kv_heads)?)?;
    let _ = kv.values.f_index_copy_(0, slots, &qkv.f_narrow(1, heads + kv_heads, kv_heads)?)?;
    Ok(rotated.f_narrow(1, 0, heads)?.f_contiguous()?)
}

fn rotate_kernel<T: Element>(
    qkv: &Tensor,
    turning: &Turning,
    slots: &Tensor,
    (kv, queries): (&mut LayerKv, &mut Tensor),
) -> Result<(), LmError> {
    let size = qkv.size()[2] as usize;
    let heads = Heads { queries: turning.heads.0 as usize, keys: turning.heads.1 as usize, size };
    let Rotation { cos, sin } = turning.rotation;
    let turn = Turn { cos: slice(cos)?, sin: slice(sin)? };
    let norm = match turning.norm {
        Some((scale, epsilon)) => Some((slice::<T>(scale)?, epsilon as f32)),
        None => None,
    };
    let slots: Vec<usize> = Vec::<i64>::try_from(slots)?.into_iter().map(|slot| slot as usize).collect();
    let qkv = slice::<T>(qkv)?;
    let (keys, values) = (slice_mut(kv.keys)?, slice_mut(kv.values)?);
    block::store_keys_and_values(qkv, heads, turn, norm, (&slots, keys, values));
    block::rotate_queries(qkv, heads, turn, norm, slice_mut(queries)?);
    Ok(())
}
