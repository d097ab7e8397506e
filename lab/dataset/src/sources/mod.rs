//! Where prompts come from: sets in the project's own shape, xLAM's JSON, Hammer's training records.

mod hammer;
mod own;
mod xlam;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use crate::error::DatasetError;
use crate::example::Example;
use crate::set::{Dataset, Tool};

/// Which files to read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Folders of sets in the project's own shape, such as `train/` of a split.
    pub own: Vec<PathBuf>,
    /// xLAM's files (function-calling-60k): an array, or lines, of `id`, `query`, `tools` and `answers`, the
    /// last two as JSON or as JSON in a text.
    pub xlam: Vec<PathBuf>,
    /// Hammer's training records: lines of `instruction` and `output`.
    pub hammer: Vec<PathBuf>,
}

impl Sources {
    /// Reads all prompts, in the order of the files. An id that comes again gets its count behind it
    /// (`id#2`), so that ids are unique.
    ///
    /// # Errors
    /// A file cannot be read, or is not in its shape. No record is left out.
    pub fn read(&self) -> Result<Vec<Example>, DatasetError> {
        let mut examples = Vec::new();
        for folder in &self.own {
            for set in Dataset::read_all(folder)? {
                examples.extend(own::examples(&set));
            }
        }
        for path in &self.xlam {
            examples.extend(xlam::read(path)?);
        }
        for path in &self.hammer {
            examples.extend(hammer::read(path)?);
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        for example in &mut examples {
            let count = seen.entry(example.id.clone()).or_default();
            *count += 1;
            if *count > 1 {
                example.id = format!("{}#{count}", example.id);
            }
        }
        Ok(examples)
    }
}

/// The text of a file.
fn text(path: &Path) -> Result<String, DatasetError> {
    fs::read_to_string(path).map_err(|source| DatasetError::Read { path: path.to_owned(), source })
}

/// A file's name without its end.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// What is wrong with a line, counted from 1.
fn wrong(path: &Path, line: usize, reason: String) -> DatasetError {
    DatasetError::Line { path: path.to_owned(), line, reason }
}

/// JSON as it is written, on one line: line breaks stand between its tokens only.
fn one_line(json: &RawValue) -> Box<RawValue> {
    if !json.get().contains(['\n', '\r']) {
        return json.to_owned();
    }
    RawValue::from_string(json.get().replace(['\n', '\r'], " ")).unwrap_or_else(|_| json.to_owned())
}

/// Leaves the first tool of each name: functions are known by their names.
fn unique(tools: impl IntoIterator<Item = Tool>) -> Vec<Tool> {
    let mut names = std::collections::HashSet::new();
    tools.into_iter().filter(|tool| names.insert(tool.name.clone())).collect()
}
