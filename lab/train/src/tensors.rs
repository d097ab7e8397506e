//! Tensors in safetensors files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};
use tch::{Device, Kind, Tensor};

use crate::TrainError;

/// A tensor's bytes.
struct Bytes {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Bytes {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes tensors of float32 or bfloat16 under their names.
///
/// # Errors
/// [`TrainError::Write`], [`TrainError::Torch`].
pub(crate) fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), TrainError> {
    let mut named = BTreeMap::new();
    for (name, tensor) in tensors {
        let dtype = if tensor.kind() == Kind::BFloat16 { Dtype::BF16 } else { Dtype::F32 };
        let tensor = tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape = tensor.size().iter().map(|size| *size as usize).collect();
        named.insert(name, Bytes { dtype, shape, bytes });
    }
    // transformers asks for this.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(named, Some(about), path).map_err(|error| TrainError::write(path, error))
}

/// Reads tensors of float32.
///
/// # Errors
/// [`TrainError::Read`].
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, TrainError> {
    let bytes = std::fs::read(path).map_err(|error| TrainError::read(path, error))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| TrainError::read(path, error))?;
    let mut found = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let shape: Vec<i64> = view.shape().iter().map(|size| *size as i64).collect();
        let tensor = match view.dtype() {
            Dtype::F32 => Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?,
            other => return Err(TrainError::read(path, format!("{name} is {other:?} and not F32"))),
        };
        found.insert(name.to_owned(), tensor);
    }
    Ok(found)
}
