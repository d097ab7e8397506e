//! What validations of a run found, a JSON object per line, so that curves survive its stops.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toolbeam_dataset::place;

use crate::TrainError;
use crate::figures::{AREA, BALANCED, Figures, TRAJECTORIES};

/// A validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// After how many steps.
    pub step: u64,
    /// Means and of how many values each is, by name; [`BALANCED`] and [`AREA`] among them.
    pub figures: BTreeMap<String, (f64, f64)>,
}

impl Validation {
    pub(crate) fn of(step: u64, figures: &Figures) -> Validation {
        let answers = figures.count(TRAJECTORIES);
        let others = [(BALANCED, figures.balanced()), (AREA, figures.area())];
        let others = others.into_iter().filter_map(|(name, value)| Some((name, (value?, answers))));
        let means = figures.iter().map(|(name, mean)| (name, (mean, figures.count(name))));
        let named = means.chain(others).map(|(name, value)| (name.to_owned(), value));
        Validation { step, figures: named.collect() }
    }

    /// A mean, if there is anything to take it of.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.get(name).map(|(mean, _)| *mean)
    }
}

/// The validations of a run, the first first.
///
/// # Errors
/// [`TrainError::Read`].
pub fn validations(run: &Path) -> Result<Vec<Validation>, TrainError> {
    let path = path(run);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(|error| TrainError::read(&path, error))?;
    // A line that a kill cut short is of a step that is made again.
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).map_err(|error| TrainError::read(&path, error))).collect()
}

/// Adds a validation.
///
/// # Errors
/// [`TrainError::Write`].
pub(crate) fn add(run: &Path, validation: &Validation) -> Result<(), TrainError> {
    let path = path(run);
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(&line(validation)));
    written.map_err(|error| TrainError::write(&path, error))
}

/// Forgets what came after `step`, where the run goes on.
///
/// # Errors
/// [`TrainError::Read`], [`TrainError::Write`].
pub(crate) fn cut(run: &Path, step: u64) -> Result<(), TrainError> {
    let path = path(run);
    if !path.exists() {
        return Ok(());
    }
    let kept = validations(run)?.into_iter().filter(|validation| validation.step <= step);
    Ok(place(&path, &kept.flat_map(|validation| line(&validation)).collect::<Vec<u8>>())?)
}

fn line(validation: &Validation) -> Vec<u8> {
    // A map of names and numbers: nothing that JSON could not hold.
    let mut line = serde_json::to_vec(validation).unwrap_or_default();
    line.push(b'\n');
    line
}

fn path(run: &Path) -> PathBuf {
    run.join("validations.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_forgets_what_it_does_again() {
        let run = tempfile::tempdir().expect("a folder");
        let at = |step| Validation { step, figures: [("loss".to_owned(), (0.5, 8.0))].into() };
        assert_eq!(validations(run.path()).expect("none yet"), []);
        cut(run.path(), 0).expect("nothing to cut");
        for step in [10, 20, 30] {
            add(run.path(), &at(step)).expect("added");
        }
        let file = fs::OpenOptions::new().append(true).open(path(run.path()));
        file.and_then(|mut file| file.write_all(b"{\"step\": 4")).expect("a line that was cut short");
        cut(run.path(), 20).expect("cut");
        add(run.path(), &at(30)).expect("added again");
        assert_eq!(validations(run.path()).expect("three"), [at(10), at(20), at(30)]);
    }
}
