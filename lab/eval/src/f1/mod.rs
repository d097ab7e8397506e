//! F1 of function names and of arguments over a file of predictions, in the format of Hammer's evaluation
//! (github.com/MadeAgents/Hammer, `evaluation/evaluate.py`), in which ToolAlpaca, API-Bank and Seal-Tools are
//! reported.

mod compat;
mod output;
mod strict;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::error::EvalError;
use crate::source::{Source, parse};
use output::{Calls, label, prediction};

pub use compat::{ApiScores, Compat, ParamScores};
pub use strict::{Scores, Strict};

/// What a file of predictions is worth.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct F1Report {
    /// Records.
    pub records: usize,
    /// Predictions that are no list of calls. Each counts as one wrong call.
    pub format_errors: usize,
    /// Predicted calls without a name or without an object of arguments. Hammer's script ends with an
    /// exception at the first one without arguments; here they count as wrong calls without arguments.
    pub broken_calls: usize,
    /// As Hammer's script counts, which can exceed 1.
    pub compat: Compat,
    /// Every gold call and every predicted call counts once.
    pub strict: Strict,
}

/// Scores JSON lines with `label` and `predict`, two texts that hold a JSON list of calls (`name`,
/// `arguments`), within three backticks or not.
///
/// # Errors
/// The file cannot be read, or a line has no `label` of such calls.
pub fn f1(predictions: &Path) -> Result<F1Report, EvalError> {
    let source = Source::file(predictions)?;
    let records = source.records(|line| {
        let record: Value = parse(line)?;
        let gold = record.get("label").and_then(Value::as_str).ok_or("label: not there, or no text")?;
        Ok((label(gold)?, record.get("predict").and_then(Value::as_str).and_then(prediction)))
    })?;
    Ok(score(&records))
}

fn score(records: &[(Calls, Option<Calls>)]) -> F1Report {
    let predicted = || records.iter().filter_map(|(_, predicted)| predicted.as_ref());
    F1Report {
        records: records.len(),
        format_errors: records.len() - predicted().count(),
        broken_calls: predicted().flatten().filter(|call| call.is_broken()).count(),
        compat: Compat::of(records),
        strict: Strict::of(records),
    }
}
