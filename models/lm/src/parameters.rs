//! The parameters of a folder one by one, by their names in transformers: what training starts from.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::weights::Loader;
use crate::{LmError, ModelFiles, ModelFolder};

impl ModelFolder {
    /// Loads every parameter of [`ModelConfig::parameters`](crate::ModelConfig::parameters) to `device`, in
    /// float32. `files` are those that this folder was read from.
    ///
    /// # Errors
    /// [`LmError`] naming the file that cannot be read.
    pub fn load_parameters(
        &self,
        files: &ModelFiles,
        device: Device,
    ) -> Result<BTreeMap<String, Tensor>, LmError> {
        let total = self.weights.shards().map(|(_, bytes)| bytes).sum();
        let mut loader = Loader::new(files, &self.weights, (device, Kind::Float), total);
        let names = self.config.parameters().into_keys();
        names.map(|name| Ok((name.clone(), loader.tensor(&name)?))).collect()
    }
}
