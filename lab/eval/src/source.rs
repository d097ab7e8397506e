//! Files with one JSON record per line.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::EvalError;

/// A file of JSON lines, read whole.
pub(crate) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Reads `file` from `data/set`, or from `data` if it is the set's own folder.
    pub(crate) fn open(data: &Path, set: &str, file: &str) -> Result<Source, EvalError> {
        let nested = data.join(set).join(file);
        let path = if nested.exists() { nested } else { data.join(file) };
        Source::file(&path)
    }

    /// Reads a file.
    pub(crate) fn file(path: &Path) -> Result<Source, EvalError> {
        let path = path.to_owned();
        match text(&path) {
            Ok(text) => Ok(Source { path, text }),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(EvalError::Missing { path }),
            Err(source) => Err(EvalError::Read { path, source }),
        }
    }

    /// The file as one JSON value.
    pub(crate) fn whole<'a, T: Deserialize<'a>>(&'a self) -> Result<T, EvalError> {
        serde_json::from_str(&self.text).map_err(|error| self.wrong(error.line(), error.to_string()))
    }

    /// What is wrong with a line, counted from 1.
    pub(crate) fn wrong(&self, line: usize, reason: String) -> EvalError {
        EvalError::Line { path: self.path.clone(), line, reason }
    }

    /// What `read` makes of every line that is not blank. Its error is what is wrong with the line.
    pub(crate) fn records<'a, T>(
        &'a self,
        read: impl FnMut(&'a str) -> Result<T, String>,
    ) -> Result<Vec<T>, EvalError> {
        Ok(self.numbered(read)?.into_iter().map(|(_, record)| record).collect())
    }

    /// The same, each with its line, counted from 1.
    pub(crate) fn numbered<'a, T>(
        &'a self,
        mut read: impl FnMut(&'a str) -> Result<T, String>,
    ) -> Result<Vec<(usize, T)>, EvalError> {
        let lines = self.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let records = lines.map(|(index, line)| match read(line) {
            Ok(record) => Ok((index + 1, record)),
            Err(reason) => Err(self.wrong(index + 1, reason)),
        });
        let records: Vec<(usize, T)> = records.collect::<Result<_, _>>()?;
        if records.is_empty() {
            return Err(EvalError::Empty { path: self.path.clone() });
        }
        Ok(records)
    }
}

/// JSON as it is written, on one line: line breaks stand between its tokens only.
pub(crate) fn one_line(json: String) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json })
}

/// A file's text, decompressed if its name ends in gz.
fn text(path: &Path) -> std::io::Result<String> {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// The record on a line, in the words of a reason if it is none.
pub(crate) fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}
