//! Sets in the project's own shape: `<name>.jsonl.gz`, a record per line, and `<name>.tools.json.gz`, an
//! object of tools by key.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::DatasetError;

const RECORDS: &str = ".jsonl.gz";
const TOOLS: &str = ".tools.json.gz";

/// A set of records with their tools.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// Its name, that of its files.
    pub name: String,
    /// The records, in order.
    pub records: Vec<Record>,
    /// The tools by key. Keys differ where two tools have one name.
    pub tools: BTreeMap<String, Tool>,
}

/// A conversation with the calls that are right.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Its id. One that comes again in a file gets its count behind it (`id#2`) when it is read.
    pub id: String,
    /// The part of the source that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// The right calls; none if no call fits.
    pub answers: Vec<Answer>,
    /// The tools that may be called, by key.
    pub tool_keys: Vec<String>,
}

/// A turn of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// `user`, `assistant`, `tool` or `system`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// A call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The function's name.
    pub name: String,
    /// A JSON object, as it is written.
    pub arguments: Box<RawValue>,
}

/// A function that may be called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Its parameters, in any dialect, as they are written.
    pub parameters: Box<RawValue>,
}

impl Record {
    /// What the user says, turn by turn.
    pub fn user_turns(&self) -> impl Iterator<Item = &str> {
        user_turns(&self.messages)
    }
}

/// What the user says, turn by turn.
pub(crate) fn user_turns(messages: &[Message]) -> impl Iterator<Item = &str> {
    let user = messages.iter().filter(|message| message.role == "user");
    user.map(|message| message.content.as_str())
}

impl Dataset {
    /// Reads all sets of a folder, by name.
    ///
    /// # Errors
    /// The folder holds none, or a file cannot be read or is not in this shape.
    pub fn read_all(folder: &Path) -> Result<Vec<Dataset>, DatasetError> {
        let failed = |source| DatasetError::Read { path: folder.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(RECORDS).map(str::to_owned));
        }
        names.sort();
        if names.is_empty() {
            return Err(DatasetError::NoSet { path: folder.to_owned() });
        }
        names.iter().map(|name| Dataset::read(folder, name)).collect()
    }

    /// Reads a set.
    ///
    /// # Errors
    /// A file cannot be read, is not in this shape, or a record names a tool that is not there.
    pub fn read(folder: &Path, name: &str) -> Result<Dataset, DatasetError> {
        let path = folder.join(format!("{name}{TOOLS}"));
        let text = decompressed(&path)?;
        let wrong = |path: &PathBuf, line, reason| DatasetError::Line { path: path.clone(), line, reason };
        let tools: BTreeMap<String, Tool> =
            serde_json::from_str(&text).map_err(|error| wrong(&path, error.line(), error.to_string()))?;
        let path = folder.join(format!("{name}{RECORDS}"));
        let mut records = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, line) in decompressed(&path)?.lines().enumerate() {
            let mut record: Record =
                serde_json::from_str(line).map_err(|error| wrong(&path, index + 1, error.to_string()))?;
            if let Some(key) = record.tool_keys.iter().find(|key| !tools.contains_key(*key)) {
                let reason = format!("tool_keys: {key} is not in {name}{TOOLS}");
                return Err(wrong(&path, index + 1, reason));
            }
            let count = seen.entry(record.id.clone()).or_default();
            *count += 1;
            if *count > 1 {
                record.id = format!("{}#{count}", record.id);
            }
            records.push(record);
        }
        Ok(Dataset { name: name.to_owned(), records, tools })
    }

    /// Writes the set, records and the tools that they name. The same set gives the same bytes.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), DatasetError> {
        for (end, text) in [(RECORDS, self.lines()), (TOOLS, self.named_tools())] {
            let path = folder.join(format!("{}{end}", self.name));
            let written = fs::create_dir_all(folder).and_then(|()| {
                let mut file = GzEncoder::new(File::create(&path)?, Compression::best());
                file.write_all(text.as_bytes())?;
                file.finish().map(drop)
            });
            written.map_err(|source| DatasetError::Write { path, source })?;
        }
        Ok(())
    }

    /// The records, one per line.
    pub(crate) fn lines(&self) -> String {
        // Texts and JSON: nothing that JSON could not hold.
        let line = |record| serde_json::to_string(record).unwrap_or_default() + "\n";
        self.records.iter().map(line).collect()
    }

    /// The tools that records name, as JSON.
    pub(crate) fn named_tools(&self) -> String {
        let keys = self.records.iter().flat_map(|record| &record.tool_keys);
        let named: BTreeMap<&String, &Tool> = keys.filter_map(|key| self.tools.get_key_value(key)).collect();
        serde_json::to_string(&named).unwrap_or_default() + "\n"
    }
}

fn decompressed(path: &Path) -> Result<String, DatasetError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| MultiGzDecoder::new(file).read_to_string(&mut text));
    read.map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    Ok(text)
}
