//! Our verdicts beside recorded ones.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::checker::BfclChecker;
use crate::error::EvalError;
use crate::source::{Source, parse};

/// A recorded verdict, a line of a file.
#[derive(Deserialize)]
struct Vector {
    id: String,
    category: String,
    output: String,
    valid: bool,
    error_type: Option<String>,
}

impl Vector {
    /// The recorded `error_type`; `crash` where the official checker raised something.
    fn reason(&self) -> Option<&str> {
        let reason = self.error_type.as_deref()?;
        Some(if reason.starts_with("crash:") { "crash" } else { reason })
    }
}

/// What the comparison found.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// Verdicts compared.
    pub total: usize,
    /// Verdicts of which both say the same, valid or not.
    pub agree: usize,
    /// Those of them for which both also name the same `error_type`; two crashes do.
    pub same_reason: usize,
    /// What differs: the vector's line, its id, the recorded verdict and ours, in words.
    pub differences: Vec<String>,
}

/// Judges every output of `vectors`, JSON lines of `id`, `category`, `output`, `valid` and `error_type`, and
/// compares with the verdict that is recorded there.
///
/// # Errors
/// As [`BfclChecker::open`]; a line is no vector, or its record is not in `data`.
pub fn compare_verdicts(data: &Path, vectors: &Path) -> Result<Agreement, EvalError> {
    let source = Source::file(vectors)?;
    let vectors: Vec<(usize, Vector)> = source.numbered(parse)?;
    let mut checkers: HashMap<&str, BfclChecker> = HashMap::new();
    for (_, vector) in &vectors {
        if !checkers.contains_key(vector.category.as_str()) {
            checkers.insert(&vector.category, BfclChecker::open(data, &vector.category)?);
        }
    }
    let mut found = Agreement::default();
    for (line, vector) in &vectors {
        let checker = checkers.get(vector.category.as_str());
        let verdict = checker.and_then(|checker| checker.check(&vector.id, &vector.output));
        let unknown = || format!("id: {} is not in {}", vector.id, vector.category);
        let verdict = verdict.ok_or_else(|| source.wrong(*line, unknown()))?;
        found.total += 1;
        let theirs = vector.reason();
        if verdict.is_valid() == vector.valid {
            found.agree += 1;
            found.same_reason += usize::from(verdict.error_type == theirs);
        } else {
            let words = |reason: Option<&str>| reason.unwrap_or("valid").to_owned();
            let (recorded, ours) = (words(theirs), words(verdict.error_type));
            found.differences.push(format!("line {line} ({}): {recorded} recorded, {ours} here", vector.id));
        }
    }
    Ok(found)
}
