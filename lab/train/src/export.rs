//! The trained model as a Hugging Face folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tch::{Kind, Tensor};

use crate::TrainError;
use crate::files::place_folder;
use crate::parameters::Parameters;
use crate::tensors;

/// Writes a model's folder: the files of `model`, and the weights in `kind`, float32 or bfloat16. What lies at `out`
/// must be empty or not there.
///
/// # Errors
/// [`TrainError::Write`], [`TrainError::Read`].
pub(crate) fn export(
    model: &Path,
    parameters: &Parameters,
    kind: Kind,
    out: &Path,
) -> Result<(), TrainError> {
    place_folder(out, |out| write(model, parameters, kind, out))
}

fn write(model: &Path, parameters: &Parameters, kind: Kind, out: &Path) -> Result<(), TrainError> {
    let entries = fs::read_dir(model).map_err(|error| TrainError::read(model, error))?;
    for entry in entries {
        let path = entry.map_err(|error| TrainError::read(model, error))?.path();
        let Some(name) = path.file_name() else { continue };
        if name == "config.json" {
            write_config(&path, kind, &out.join(name))?;
        } else {
            fs::copy(&path, out.join(name)).map_err(|error| TrainError::write(out.join(name), error))?;
        }
    }
    let mut weights: BTreeMap<String, Tensor> = BTreeMap::new();
    for place in parameters.places() {
        let tensor = parameters.part(parameters.values(), place)?.f_to_kind(kind)?;
        weights.insert(place.name.clone(), tensor);
    }
    tensors::write(&out.join("model.safetensors"), &weights)
}

/// Copies a configuration with the type of the weights, under its names in transformers 4 and 5.
fn write_config(from: &Path, kind: Kind, to: &Path) -> Result<(), TrainError> {
    let text = fs::read(from).map_err(|error| TrainError::read(from, error))?;
    let mut config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|error| TrainError::read(from, error))?;
    let dtype = if kind == Kind::BFloat16 { "bfloat16" } else { "float32" };
    for key in ["dtype", "torch_dtype"] {
        if key == "dtype" || config.contains_key(key) {
            config.insert(key.to_owned(), dtype.into());
        }
    }
    let text = serde_json::to_vec_pretty(&config).map_err(|error| TrainError::write(to, error))?;
    fs::write(to, text).map_err(|error| TrainError::write(to, error))
}
