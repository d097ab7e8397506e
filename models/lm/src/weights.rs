//! Weights from safetensors.

use safetensors::{Dtype, SafeTensors};
use tch::{Device, Kind, Tensor};

use crate::{LmError, ModelFiles};

const FILE: &str = "model.safetensors";

/// The tensors of a safetensors file, converted one by one as they are asked for.
pub(crate) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    device: Device,
    kind: Kind,
}

impl<'a> Weights<'a> {
    /// Reads the header. `kind` is the type to compute in.
    pub(crate) fn open(bytes: &'a [u8], device: Device, kind: Kind) -> Result<Weights<'a>, LmError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| LmError::file(FILE, format!("not a whole safetensors file: {error}")))?;
        Ok(Weights { tensors, device, kind })
    }

    /// The tensor `name`, which must have shape `shape`.
    pub(crate) fn get(&self, name: &str, shape: &[i64]) -> Result<Tensor, LmError> {
        let view = self.tensors.tensor(name).map_err(|_| {
            LmError::file(FILE, format!("tensor {name} is missing; does config.json belong to it?"))
        })?;
        let found: Vec<i64> = view.shape().iter().map(|size| *size as i64).collect();
        if found != shape {
            let message = format!("tensor {name} has shape {found:?}, but config.json asks for {shape:?}");
            return Err(LmError::file(FILE, message));
        }
        let kind = match view.dtype() {
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F32 => Kind::Float,
            other => {
                let message = format!("tensor {name} has dtype {other:?}; supported are BF16 and F32");
                return Err(LmError::file(FILE, message));
            }
        };
        let tensor = Tensor::f_from_data_size(view.data(), &found, kind)?;
        Ok(tensor.f_to_device(self.device)?.f_to_kind(self.kind)?)
    }
}

/// The bytes of the single weight file.
pub(crate) fn read(files: &ModelFiles) -> Result<std::borrow::Cow<'static, [u8]>, LmError> {
    files.read(FILE)
}
