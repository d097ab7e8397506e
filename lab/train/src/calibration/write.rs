//! Temperatures into `toolbeam.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use toolbeam_dataset::place;
use toolbeam_reward::Calibration;

use crate::TrainError;
use crate::files::place_folder;

const PROFILE: &str = "toolbeam.json";

/// Writes temperatures into the profile of `model`, or of a copy of its folder at `out`, which must be empty or not
/// there. Gives the folder that has them.
///
/// # Errors
/// [`TrainError::Read`], [`TrainError::Write`].
pub(super) fn write(
    model: &Path,
    calibration: &Calibration,
    out: Option<&Path>,
) -> Result<PathBuf, TrainError> {
    let path = model.join(PROFILE);
    let stored = if path.exists() {
        let text = fs::read(&path).map_err(|error| TrainError::read(&path, error))?;
        serde_json::from_slice(&text).map_err(|error| TrainError::read(&path, error))?
    } else {
        Map::new()
    };
    let mut text = serde_json::to_vec_pretty(&calibrated(stored, calibration))
        .map_err(|error| TrainError::write(&path, error))?;
    text.push(b'\n');
    let Some(out) = out else {
        place(&path, &text)?;
        return Ok(model.to_owned());
    };
    place_folder(out, |partial| {
        copy(model, partial)?;
        Ok(place(&partial.join(PROFILE), &text)?)
    })?;
    Ok(out.to_owned())
}

/// A profile with these temperatures. All else stays.
fn calibrated(mut profile: Map<String, Value>, calibration: &Calibration) -> Map<String, Value> {
    let reward = profile.entry("reward").or_insert_with(|| json!({}));
    if let Value::Object(reward) = reward {
        reward.insert("calibration".to_owned(), json!(calibration));
    }
    profile
}

/// Copies a folder's files.
fn copy(from: &Path, to: &Path) -> Result<(), TrainError> {
    for entry in fs::read_dir(from).map_err(|error| TrainError::read(from, error))? {
        let path = entry.map_err(|error| TrainError::read(from, error))?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, to.join(name)).map_err(|error| TrainError::write(to.join(name), error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_else_of_a_profile_stays() {
        let calibration = Calibration { temperature: 1.5, ..Calibration::NONE };
        let profile =
            json!({ "preset": "none", "reward": { "kind": "orm", "calibration": { "temperature": 3 } } });
        let profile = profile.as_object().cloned().unwrap_or_default();
        let expected =
            json!({ "preset": "none", "reward": { "kind": "orm", "calibration": { "temperature": 1.5 } } });
        assert_eq!(json!(calibrated(profile, &calibration)), expected);
        let expected = json!({ "reward": { "calibration": { "temperature": 1.5 } } });
        assert_eq!(json!(calibrated(Map::new(), &calibration)), expected);
    }
}
