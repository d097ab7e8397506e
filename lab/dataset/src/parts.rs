//! Sets too large to hold: folders of compressed parts, `part-00000.jsonl.gz` and on, a JSON value per line.
//!
//! A part is written as a whole or not at all. What it holds is a function of what the set is made of and of
//! its number, so that a killed run goes on with the parts that lack, and several machines share one folder.

use std::collections::VecDeque;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::DatasetError;

const START: &str = "part-";
const END: &str = ".jsonl.gz";

/// The file of a part.
pub fn part_name(number: usize) -> String {
    format!("{START}{number:05}{END}")
}

/// Writes one part, which is in memory, compressed, until it is whole. Dropped before
/// [`PartWriter::finish`], it leaves nothing.
pub struct PartWriter {
    path: PathBuf,
    text: GzEncoder<Vec<u8>>,
    hasher: blake3::Hasher,
    lines: usize,
}

impl PartWriter {
    /// A part of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(folder: &Path, number: usize) -> Result<PartWriter, DatasetError> {
        let path = folder.join(part_name(number));
        match fs::create_dir_all(folder) {
            Ok(()) => {
                let text = GzEncoder::new(Vec::new(), Compression::default());
                Ok(PartWriter { path, text, hasher: blake3::Hasher::new(), lines: 0 })
            }
            Err(source) => Err(DatasetError::Write { path, source }),
        }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The value is none that JSON holds.
    pub fn add(&mut self, value: &impl Serialize) -> Result<(), DatasetError> {
        let failed = |source| DatasetError::Write { path: self.path.clone(), source };
        let json = serde_json::to_string(value).map_err(|error| failed(error.into()))?;
        // JSON that is kept as it was written may have line breaks, never inside a string.
        let line = json.replace(['\n', '\r'], " ") + "\n";
        self.text.write_all(line.as_bytes()).map_err(failed)?;
        self.hasher.update(line.as_bytes());
        self.lines += 1;
        Ok(())
    }

    /// A hash of the lines so far, uncompressed (blake3).
    pub fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// Puts the part in its place, and says how many lines it has.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<usize, DatasetError> {
        let PartWriter { path, text, lines, .. } = self;
        let bytes = text.finish().map_err(|source| DatasetError::Write { path: path.clone(), source })?;
        place(&path, &bytes)?;
        Ok(lines)
    }
}

/// Puts a file in its place, as a whole, over one that may be there.
///
/// # Errors
/// [`DatasetError::Write`].
pub fn place(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // What the process's umask leaves of this, as for any file.
    let file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    let placed = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    placed.map(drop).map_err(|source| DatasetError::Write { path: path.to_owned(), source })
}

/// Reads the lines of a folder's parts in their order, one in memory at a time.
pub struct PartReader<T> {
    paths: VecDeque<PathBuf>,
    open: Option<(PathBuf, usize, BufReader<MultiGzDecoder<File>>)>,
    line: String,
    value: PhantomData<T>,
}

impl<T: DeserializeOwned> PartReader<T> {
    /// Opens a folder of parts.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no part.
    pub fn open(folder: &Path) -> Result<PartReader<T>, DatasetError> {
        let failed = |source| DatasetError::Read { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(START) && name.ends_with(END) {
                paths.push(entry.path());
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(DatasetError::NoPart { path: folder.to_owned() });
        }
        Ok(PartReader { paths: paths.into(), open: None, line: String::new(), value: PhantomData })
    }

    /// Opens one part of a folder. That it is not there is said when it is read.
    pub fn open_part(folder: &Path, number: usize) -> PartReader<T> {
        let paths = VecDeque::from([folder.join(part_name(number))]);
        PartReader { paths, open: None, line: String::new(), value: PhantomData }
    }

    /// The next line of the open part, or of the one after it.
    fn read(&mut self) -> Result<Option<T>, DatasetError> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.paths.pop_front() else { return Ok(None) };
                match File::open(&path) {
                    Ok(file) => self.open = Some((path, 0, BufReader::new(MultiGzDecoder::new(file)))),
                    Err(source) => return Err(DatasetError::Read { path, source }),
                }
            }
            let Some((path, number, reader)) = &mut self.open else { continue };
            self.line.clear();
            *number += 1;
            match reader.read_line(&mut self.line) {
                Ok(0) => self.open = None,
                Ok(_) => {
                    return serde_json::from_str(&self.line).map(Some).map_err(|error| DatasetError::Line {
                        path: path.clone(),
                        line: *number,
                        reason: error.to_string(),
                    });
                }
                Err(source) => return Err(DatasetError::Read { path: path.clone(), source }),
            }
        }
    }
}

impl<T: DeserializeOwned> Iterator for PartReader<T> {
    type Item = Result<T, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            // Nothing behind what cannot be read is worth reading.
            self.paths.clear();
            self.open = None;
        }
        read.transpose()
    }
}
