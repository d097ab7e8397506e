//! A run's folder: its settings, and results that grow by a line per record.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::settings::RunSettings;
use crate::error::EvalError;

const SETTINGS: &str = "run.json";

/// A part of a run's records, `index` of `count`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

impl Shard {
    /// All of them.
    pub const WHOLE: Shard = Shard { index: 1, count: 1 };

    /// Whether the record at this place of the set is of this part.
    pub fn holds(self, place: usize) -> bool {
        place % self.count == self.index - 1
    }

    fn file(self) -> String {
        format!("results-{}-of-{}.jsonl", self.index, self.count)
    }
}

/// A shard's results in a run's folder, to which this process alone appends.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    file: File,
    done: HashSet<String>,
}

impl RunFolder {
    /// Opens a folder for a shard: a new one, or one of the same settings, to go on with what is missing. A
    /// line that a killed process did not end is removed; with `retry_failed`, failed records are too.
    ///
    /// # Errors
    /// The folder is of a run with other settings, is in use by another process, or cannot be read or
    /// written.
    pub fn open(
        folder: &Path,
        settings: &RunSettings,
        shard: Shard,
        retry_failed: bool,
    ) -> Result<RunFolder, EvalError> {
        fs::create_dir_all(folder).map_err(|source| written(folder, source))?;
        agree(&folder.join(SETTINGS), settings)?;
        let path = folder.join(shard.file());
        let mut file = locked(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| EvalError::Read { path: path.clone(), source })?;
        let text = whole_lines(&path, bytes)?;
        let outcomes = read(&path, &text)?;
        let mut run = RunFolder { path, file, done: HashSet::new() };
        if retry_failed && outcomes.iter().any(|outcome| outcome.failed.is_some()) {
            run.rewrite(outcomes.iter().filter(|outcome| outcome.failed.is_none()))?;
        } else {
            run.cut(text.len() as u64)?;
        }
        let kept = outcomes.into_iter().filter(|outcome| !retry_failed || outcome.failed.is_none());
        run.done = kept.map(|outcome| outcome.id).collect();
        Ok(run)
    }

    /// Whether a record has its outcome.
    pub fn has(&self, id: &str) -> bool {
        self.done.contains(id)
    }

    /// Number of records that have their outcome.
    pub fn len(&self) -> usize {
        self.done.len()
    }

    /// Whether no record has one.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// Adds an outcome, in one write of one line, so that a process that is killed leaves the lines before
    /// it whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, outcome: &Outcome) -> Result<(), EvalError> {
        let line = line(outcome);
        self.file.write_all(line.as_bytes()).map_err(|source| written(&self.path, source))?;
        self.done.insert(outcome.id.clone());
        Ok(())
    }

    /// Removes what is behind the first `bytes` bytes, and goes on there.
    fn cut(&mut self, bytes: u64) -> Result<(), EvalError> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
        cut.map(drop).map_err(|source| written(&self.path, source))
    }

    /// Puts a file of other lines in the place of this one.
    fn rewrite<'a>(&mut self, outcomes: impl Iterator<Item = &'a Outcome>) -> Result<(), EvalError> {
        let text: String = outcomes.map(line).collect();
        let partial = self.path.with_extension("partial");
        fs::write(&partial, &text).map_err(|source| written(&partial, source))?;
        fs::rename(&partial, &self.path).map_err(|source| written(&self.path, source))?;
        self.file = locked(&self.path)?;
        self.cut(text.len() as u64)
    }
}

/// A shard's results, which no other process has.
fn locked(path: &Path) -> Result<File, EvalError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|source| written(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EvalError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(written(path, source)),
    }
}

/// All outcomes of a run, of all its shards, and its settings.
///
/// # Errors
/// A file cannot be read, or is none of a run's.
pub fn read_run(folder: &Path) -> Result<(RunSettings, Vec<Outcome>), EvalError> {
    let settings = folder.join(SETTINGS);
    let text = read_file(&settings)?;
    let line = |error: serde_json::Error| EvalError::Line {
        path: settings.clone(),
        line: error.line(),
        reason: error.to_string(),
    };
    let settings: RunSettings = serde_json::from_str(&text).map_err(line)?;
    let listed =
        fs::read_dir(folder).map_err(|source| EvalError::Read { path: folder.to_owned(), source })?;
    let mut files: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut outcomes = Vec::new();
    for path in files {
        let bytes = fs::read(&path).map_err(|source| EvalError::Read { path: path.clone(), source })?;
        outcomes.extend(read(&path, &whole_lines(&path, bytes)?)?);
    }
    Ok((settings, outcomes))
}

/// The lines that are whole: what no line feed ends was being written when its process ended, and may end
/// within a character.
fn whole_lines(path: &Path, mut bytes: Vec<u8>) -> Result<String, EvalError> {
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    String::from_utf8(bytes)
        .map_err(|error| EvalError::Read { path: path.to_owned(), source: std::io::Error::other(error) })
}

fn line(outcome: &Outcome) -> String {
    // Numbers, texts and JSON: nothing that JSON could not hold.
    let mut line = serde_json::to_string(outcome).unwrap_or_default();
    line.push('\n');
    line
}

fn read(path: &Path, text: &str) -> Result<Vec<Outcome>, EvalError> {
    let lines = text.lines().enumerate().map(|(index, line)| {
        serde_json::from_str(line).map_err(|error| EvalError::Line {
            path: path.to_owned(),
            line: index + 1,
            reason: error.to_string(),
        })
    });
    lines.collect()
}

fn read_file(path: &Path) -> Result<String, EvalError> {
    fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => EvalError::NoRun { path: path.to_owned() },
        _ => EvalError::Read { path: path.to_owned(), source },
    })
}

/// Writes the settings, or holds those that are there against them.
fn agree(path: &Path, settings: &RunSettings) -> Result<(), EvalError> {
    match fs::read_to_string(path) {
        Ok(text) => match settings.differs_from(&text) {
            Some(field) => Err(EvalError::OtherRun { path: path.to_owned(), field }),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let partial = path.with_extension("partial");
            let text = serde_json::to_string_pretty(settings).unwrap_or_default() + "\n";
            fs::write(&partial, text).map_err(|source| written(&partial, source))?;
            fs::rename(&partial, path).map_err(|source| written(path, source))
        }
        Err(source) => Err(EvalError::Read { path: path.to_owned(), source }),
    }
}

fn written(path: &Path, source: std::io::Error) -> EvalError {
    EvalError::Write { path: path.to_owned(), source }
}
