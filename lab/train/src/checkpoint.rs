//! Where a run can go on: weights, the optimizer's memory, how far it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::tensors;
use crate::trainer::{Progress, Trainer};

const FOLDER: &str = "checkpoints";
const STATE: &str = "state.safetensors";
const PROGRESS: &str = "progress.json";
const VALUES: &str = "weights";
/// Checkpoints that are kept: one more than needed, should a disk have lied.
const KEPT: usize = 2;

/// `progress.json`.
#[derive(Serialize, Deserialize)]
struct Written {
    progress: Progress,
    /// Every parameter in the order of the buffers: name and shape.
    parameters: Vec<(String, Vec<i64>)>,
}

/// Writes a checkpoint into a run's folder, as a whole or not at all, and removes old ones.
///
/// # Errors
/// [`TrainError::Write`].
pub(crate) fn save(run: &Path, trainer: &Trainer) -> Result<(), TrainError> {
    let folder = run.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| TrainError::write(&folder, error))?;
    let place = folder.join(format!("step-{:09}", trainer.progress.step));
    if place.exists() {
        return Ok(());
    }
    let partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempdir_in(&folder)
        .map_err(|e| TrainError::write(&folder, e))?;
    let memory = trainer.optimizer.memory().into_iter();
    let all = memory.chain([(VALUES, trainer.parameters.values())]);
    let state = all.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect();
    tensors::write(&partial.path().join(STATE), &state)?;
    let path = partial.path().join(PROGRESS);
    let text =
        serde_json::to_vec_pretty(&written(trainer)).map_err(|error| TrainError::write(&path, error))?;
    fs::write(&path, text).map_err(|error| TrainError::write(&path, error))?;
    for name in [STATE, PROGRESS] {
        let path = partial.path().join(name);
        let synced = fs::File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|error| TrainError::write(&path, error))?;
    }
    let partial = partial.keep();
    fs::rename(&partial, &place).map_err(|error| TrainError::write(&place, error))?;
    let old = all_of(run);
    for place in &old[..old.len().saturating_sub(KEPT)] {
        fs::remove_dir_all(place).map_err(|error| TrainError::write(place, error))?;
    }
    Ok(())
}

/// Brings a trainer to where the newest checkpoint of a run is; false if there is none.
///
/// # Errors
/// [`TrainError::Read`].
pub(crate) fn load(run: &Path, trainer: &mut Trainer) -> Result<bool, TrainError> {
    let Some(place) = all_of(run).pop() else { return Ok(false) };
    let path = place.join(PROGRESS);
    let text = fs::read(&path).map_err(|error| TrainError::read(&path, error))?;
    let found: Written = serde_json::from_slice(&text).map_err(|error| TrainError::read(&path, error))?;
    if found.parameters != written(trainer).parameters {
        return Err(TrainError::read(&path, "its parameters are not those of the model"));
    }
    let path = place.join(STATE);
    let state = tensors::read(&path)?;
    let targets = trainer.optimizer.memory().into_iter().chain([(VALUES, trainer.parameters.values())]);
    for (name, target) in targets {
        let source = state.get(name).filter(|source| source.size() == target.size());
        let source =
            source.ok_or_else(|| TrainError::read(&path, format!("it has no {name} of this size")))?;
        tch::no_grad(|| target.shallow_clone().f_copy_(source))?;
    }
    trainer.go_on_from(found.progress);
    Ok(true)
}

fn written(trainer: &Trainer) -> Written {
    let places = trainer.parameters.places().iter();
    let parameters = places.map(|place| (place.name.clone(), place.shape.clone())).collect();
    Written { progress: trainer.progress, parameters }
}

/// The checkpoints of a run, the oldest first.
fn all_of(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join(FOLDER)).into_iter().flatten().flatten();
    let is_whole =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_whole).collect();
    found.sort();
    found
}
