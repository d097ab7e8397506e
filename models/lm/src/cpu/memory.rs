//! Tensors of the CPU as slices: one of two places where the kernels' memory is unsafe.
//!
//! A tensor's memory may be shared with other tensors, which no type says. Two rules make the slices
//! sound: tensors are touched by the device thread only, and by libtorch's threads while that one waits;
//! and a kernel's outputs are tensors that it has just made, or the store of keys and values, of which
//! it takes no second slice.

#![allow(unsafe_code)]

use tch::{Device, Tensor};

use super::Element;
use crate::LmError;

/// The elements of a contiguous tensor of the CPU, in order.
///
/// # Errors
/// [`LmError::BatchFailed`] if the tensor is none, which is a defect.
pub(crate) fn slice<T: Element>(tensor: &Tensor) -> Result<&[T], LmError> {
    check::<T>(tensor)?;
    let (start, length) = (tensor.data_ptr() as *const T, tensor.numel());
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: `check` saw `length` elements of type T lie there, one behind the other, and the tensor
    // keeps them for as long as it is borrowed. The module says why nobody writes them meanwhile.
    Ok(unsafe { std::slice::from_raw_parts(start, length) })
}

/// The elements of a contiguous tensor of the CPU, to be written.
///
/// # Errors
/// As [`slice`].
pub(crate) fn slice_mut<T: Element>(tensor: &mut Tensor) -> Result<&mut [T], LmError> {
    check::<T>(tensor)?;
    let (start, length) = (tensor.data_ptr() as *mut T, tensor.numel());
    if length == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as in `slice`; the module says why there is no second slice of this memory.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, length) })
}

fn check<T: Element>(tensor: &Tensor) -> Result<(), LmError> {
    let fits = tensor.device() == Device::Cpu && tensor.kind() == T::KIND && tensor.is_contiguous();
    if fits {
        return Ok(());
    }
    let (kind, device) = (tensor.kind(), tensor.device());
    Err(LmError::BatchFailed(format!("a kernel got a {kind:?} tensor on {device:?} that it cannot read")))
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn only_what_lies_in_order_is_a_slice() {
        let mut tensor = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0]).view([2, 2]);
        assert_eq!(slice::<f32>(&tensor).expect("contiguous"), [1.0, 2.0, 3.0, 4.0]);
        assert!(slice::<f32>(&tensor.transpose(0, 1)).is_err());
        assert!(slice::<half::bf16>(&tensor).is_err());
        slice_mut::<f32>(&mut tensor).expect("contiguous")[3] = 7.0;
        assert_eq!(tensor.double_value(&[1, 1]), 7.0);
        assert!(slice::<f32>(&Tensor::empty([0, 4], (Kind::Float, Device::Cpu))).expect("empty").is_empty());
    }
}
