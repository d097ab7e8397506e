//! A run's answers in the formats of other evaluators, so that anyone can check the counts made here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::outcome::{Outcome, OutcomeCall};
use crate::error::EvalError;
use crate::suite::Record;

/// Writes `BFCL_v4_<category>_result.json` for each category, in the format of BFCL's own evaluator (lines
/// of `id`, `result`, the answer's text, and `latency`, in seconds), which decodes it with its Hammer
/// handler. A record without a valid answer has an empty text. Returns the files.
///
/// # Errors
/// A file cannot be written.
pub fn export_bfcl(outcomes: &[Outcome], folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for outcome in outcomes {
        let latency = outcome.milliseconds / 1e3;
        let line = json!({"id": outcome.id, "result": text(outcome.calls.as_deref()), "latency": latency});
        files.entry(&outcome.category).or_default().push_str(&format!("{line}\n"));
    }
    let named = |category: &str| format!("BFCL_v4_{category}_result.json");
    files.into_iter().map(|(category, lines)| write(folder.join(named(category)), &lines)).collect()
}

/// Writes `predictions.jsonl` for Hammer's script and [`f1`](crate::f1()): lines of `id`, `label` and
/// `predict`. Returns the file.
///
/// # Errors
/// A record's right calls are not named, or the file cannot be written.
pub fn export_predictions(
    outcomes: &[Outcome],
    records: &[Record],
    folder: &Path,
) -> Result<PathBuf, EvalError> {
    let by_id: BTreeMap<&str, &Outcome> =
        outcomes.iter().map(|outcome| (outcome.id.as_str(), outcome)).collect();
    let mut lines = String::new();
    for record in records {
        let Some(outcome) = by_id.get(record.id.as_str()) else { continue };
        let label = record.gold.label().ok_or_else(|| EvalError::NoLabel { id: record.id.clone() })?;
        let line = json!({"id": record.id, "label": label, "predict": text(outcome.calls.as_deref())});
        lines.push_str(&format!("{line}\n"));
    }
    write(folder.join("predictions.jsonl"), &lines)
}

fn text(calls: Option<&[OutcomeCall]>) -> String {
    calls.and_then(|calls| serde_json::to_string(calls).ok()).unwrap_or_default()
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf, EvalError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    match made.and_then(|()| fs::write(&path, text)) {
        Ok(()) => Ok(path),
        Err(source) => Err(EvalError::Write { path, source }),
    }
}
