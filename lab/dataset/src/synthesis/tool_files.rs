//! Files of tools to make queries for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::DatasetError;
use crate::set::Tool;

const TOOLS: &str = ".tools.json.gz";

/// Reads sets of tools, each file a set, a folder's files by name: `*.tools.json.gz` as sets have them, and
/// `*.jsonl`, a tool per line as Seal-Tools has them.
///
/// # Errors
/// A file cannot be read or is not in its shape, or a folder has none.
pub fn read_tools(paths: &[PathBuf]) -> Result<Vec<Vec<Tool>>, DatasetError> {
    let mut sets = Vec::new();
    for path in paths {
        for file in files(path)? {
            sets.push(if name(&file).ends_with(TOOLS) { of_set(&file)? } else { of_lines(&file)? });
        }
    }
    Ok(sets)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn files(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| DatasetError::Read { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if name(&file).ends_with(TOOLS) || name(&file).ends_with(".jsonl") {
            found.push(file);
        }
    }
    found.sort();
    if found.is_empty() { Err(DatasetError::NoTools { path: path.to_owned() }) } else { Ok(found) }
}

fn of_set(path: &Path) -> Result<Vec<Tool>, DatasetError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| MultiGzDecoder::new(file).read_to_string(&mut text));
    read.map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    let tools: Result<BTreeMap<String, Tool>, _> = serde_json::from_str(&text);
    let tools = tools.map_err(|error| line(path, error.line(), &error))?;
    Ok(tools.into_values().collect())
}

/// A line of Seal-Tools' `tool.jsonl`.
#[derive(Deserialize)]
struct SealTool {
    api_name: String,
    #[serde(default)]
    api_description: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    required: Vec<String>,
}

fn of_lines(path: &Path) -> Result<Vec<Tool>, DatasetError> {
    let text =
        fs::read_to_string(path).map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    let lines = text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty());
    lines
        .map(|(number, text)| {
            let tool: Result<SealTool, _> = serde_json::from_str(text);
            tool.map(flat).map_err(|error| line(path, number + 1, &error))
        })
        .collect()
}

/// The tool with its parameters as one flat map, each marked if it is required.
fn flat(mut tool: SealTool) -> Tool {
    for name in &tool.required {
        if let Some(parameter) = tool.parameters.get_mut(name).and_then(Value::as_object_mut) {
            parameter.insert("required".to_owned(), true.into());
        }
    }
    Tool {
        name: tool.api_name,
        description: tool.api_description,
        parameters: RawValue::from_string(Value::Object(tool.parameters).to_string()).unwrap_or_default(),
    }
}

fn line(path: &Path, line: usize, error: &serde_json::Error) -> DatasetError {
    DatasetError::Line { path: path.to_owned(), line, reason: error.to_string() }
}
