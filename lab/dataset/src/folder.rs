//! A folder whose parts are made one by one: what it is made of, what lacks, and what its parts hold.
//!
//! `settings.json` is there from the beginning and decides every byte of every part. Beside a part lies what
//! it holds (`part-00000.json`), written after it, so that a part without it is made again. `manifest.json`
//! is there once no part lacks, and is the same whoever made which part.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::DatasetError;
use crate::parts::{PartWriter, place};
use crate::shard::Shard;

const SETTINGS: &str = "settings.json";
const MANIFEST: &str = "manifest.json";

/// Numbers by kind and name, such as `source`: `star`.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// What a part, or all of a folder, holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Its lines.
    pub lines: u64,
    /// What they are, and what was left out.
    pub counts: Counts,
    /// Why there is nothing of a prompt, by its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
}

impl Contents {
    /// Counts one more.
    pub fn count(&mut self, kind: &str, name: &str) {
        self.count_so_many(kind, name, 1);
    }

    /// Counts so many more.
    pub fn count_so_many(&mut self, kind: &str, name: &str, number: u64) {
        *self.counts.entry(kind.to_owned()).or_default().entry(name.to_owned()).or_default() += number;
    }

    /// The number of a kind and name.
    pub fn number(&self, kind: &str, name: &str) -> u64 {
        self.counts.get(kind).and_then(|names| names.get(name)).copied().unwrap_or_default()
    }

    fn add(&mut self, other: Contents) {
        self.lines += other.lines;
        for (kind, names) in other.counts {
            names.into_iter().for_each(|(name, number)| self.count_so_many(&kind, &name, number));
        }
        self.failed.extend(other.failed);
    }
}

/// What a folder is: settings, digests of its parts, and what they hold together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// What it is made of and by what, as in `settings.json`.
    pub made: Value,
    /// A hash of the lines of each part, in order (blake3, of the uncompressed lines).
    pub parts: Vec<String>,
    /// All of it.
    #[serde(flatten)]
    pub contents: Contents,
}

impl Manifest {
    /// Reads the manifest of a folder whose parts are all there.
    ///
    /// # Errors
    /// A part lacks, or the file cannot be read.
    pub fn read(folder: &Path) -> Result<Manifest, DatasetError> {
        read(&folder.join(MANIFEST))?.ok_or_else(|| DatasetError::Incomplete { path: folder.to_owned() })
    }

    /// A hash of everything in it, and so of all lines.
    pub fn digest(&self) -> String {
        // Texts and numbers: nothing that JSON could not hold.
        blake3::hash(serde_json::to_string(self).unwrap_or_default().as_bytes()).to_hex()[..32].to_owned()
    }
}

/// A part's contents as they lie beside it.
#[derive(Serialize, Deserialize)]
struct Beside {
    digest: String,
    #[serde(flatten)]
    contents: Contents,
}

/// A folder being filled.
#[derive(Debug)]
pub struct PartFolder {
    path: PathBuf,
    made: Value,
    parts: usize,
}

impl PartFolder {
    /// Opens a folder of so many parts: a new one, or one of the same settings, to go on with what lacks.
    /// `by` is the command that makes it.
    ///
    /// # Errors
    /// The folder is of other settings, or cannot be read or written.
    pub fn open(
        path: &Path,
        by: &str,
        settings: &impl Serialize,
        parts: usize,
    ) -> Result<PartFolder, DatasetError> {
        let settings_path = path.join(SETTINGS);
        let made =
            json!({ "by": by, "version": env!("CARGO_PKG_VERSION"), "parts": parts, "settings": settings });
        match read::<Value>(&settings_path)? {
            // Through text, as the written ones came, so that numbers are alike.
            Some(there) if there == reread(&made) => {}
            Some(there) => {
                let field = difference(&reread(&made), &there);
                return Err(DatasetError::OtherSettings { path: settings_path, field });
            }
            None => {
                fs::create_dir_all(path)
                    .map_err(|source| DatasetError::Write { path: path.to_owned(), source })?;
                place(&settings_path, pretty(&made).as_bytes())?;
            }
        }
        Ok(PartFolder { path: path.to_owned(), made: reread(&made), parts })
    }

    /// How many parts it has once all are there.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// The parts of a share that lack, ascending.
    pub fn missing(&self, shard: Shard) -> Vec<usize> {
        let lacks = |number: &usize| !self.beside(*number).exists();
        (0..self.parts).filter(|number| shard.holds(*number)).filter(lacks).collect()
    }

    /// An empty part.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn part(&self, number: usize) -> Result<PartWriter, DatasetError> {
        PartWriter::create(&self.path, number)
    }

    /// Puts a part in its place. Its lines are counted here.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn put(
        &self,
        number: usize,
        part: PartWriter,
        mut contents: Contents,
    ) -> Result<Contents, DatasetError> {
        let digest = part.digest();
        contents.lines = part.finish()? as u64;
        let beside = Beside { digest, contents };
        place(&self.beside(number), pretty(&beside).as_bytes())?;
        Ok(beside.contents)
    }

    /// What the parts that are there hold. Once none lacks, it is written as the folder's manifest.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn manifest(&self) -> Result<Manifest, DatasetError> {
        let mut manifest =
            Manifest { made: self.made.clone(), parts: Vec::new(), contents: Contents::default() };
        for number in 0..self.parts {
            let Some(beside) = read::<Beside>(&self.beside(number))? else { continue };
            manifest.parts.push(beside.digest);
            manifest.contents.add(beside.contents);
        }
        if manifest.parts.len() == self.parts {
            place(&self.path.join(MANIFEST), pretty(&manifest).as_bytes())?;
        }
        Ok(manifest)
    }

    fn beside(&self, number: usize) -> PathBuf {
        self.path.join(format!("part-{number:05}.json"))
    }
}

/// A JSON file, if it is there.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DatasetError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DatasetError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| DatasetError::Line {
        path: path.to_owned(),
        line: error.line(),
        reason: error.to_string(),
    })
}

fn pretty(value: &impl Serialize) -> String {
    // Texts and numbers: nothing that JSON could not hold.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn reread(value: &Value) -> Value {
    serde_json::from_str(&pretty(value)).unwrap_or_default()
}

/// The first thing in which settings differ.
fn difference(here: &Value, there: &Value) -> String {
    let members = here.as_object().into_iter().flatten();
    let mut different = members.filter(|(key, value)| there.get(key) != Some(*value));
    match different.next() {
        Some((key, value)) if key == "settings" => difference(value, &there["settings"]),
        Some((key, _)) => key.clone(),
        None => "settings".to_owned(),
    }
}
