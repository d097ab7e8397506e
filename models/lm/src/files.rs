//! Where a model's files come from: a Hugging Face folder, or bytes inside the program.

use std::borrow::Cow;
use std::io::{Cursor, Read, Seek};
use std::path::PathBuf;

use crate::LmError;

/// The files of one model.
#[derive(Clone, Debug)]
pub enum ModelFiles {
    /// A Hugging Face folder.
    Folder(PathBuf),
    /// Files that are part of the program.
    Embedded {
        /// What to call the model.
        name: &'static str,
        /// File names and contents.
        files: &'static [(&'static str, &'static [u8])],
    },
}

/// An open file.
pub(crate) struct ModelFile {
    pub(crate) reader: Box<dyn ReadSeek>,
    /// Its size.
    pub(crate) bytes: u64,
}

/// What can be read from any place.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl ModelFiles {
    /// The name under which the model is known: the folder's last part, or the embedded name.
    pub fn name(&self) -> String {
        match self {
            ModelFiles::Folder(path) => path
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into()),
            ModelFiles::Embedded { name, .. } => (*name).to_owned(),
        }
    }

    /// The bytes of a file that must be there.
    ///
    /// # Errors
    /// [`LmError::Read`] with the path that was tried.
    pub fn read(&self, file: &str) -> Result<Cow<'static, [u8]>, LmError> {
        match self {
            ModelFiles::Folder(folder) => {
                let path = folder.join(file);
                let bytes = std::fs::read(&path).map_err(|source| LmError::Read { path, source })?;
                Ok(Cow::Owned(bytes))
            }
            ModelFiles::Embedded { name, files } => files
                .iter()
                .find(|(known, _)| *known == file)
                .map(|(_, bytes)| Cow::Borrowed(*bytes))
                .ok_or_else(|| LmError::Read {
                    path: PathBuf::from(format!("<{name}>/{file}")),
                    source: std::io::ErrorKind::NotFound.into(),
                }),
        }
    }

    /// The bytes of a file, or `None` if there is no such file.
    ///
    /// # Errors
    /// [`LmError::Read`] if the file exists and cannot be read.
    pub fn read_optional(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>, LmError> {
        match self.read(file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(LmError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a file of this name.
    pub(crate) fn exists(&self, file: &str) -> bool {
        match self {
            ModelFiles::Folder(folder) => folder.join(file).exists(),
            ModelFiles::Embedded { files, .. } => files.iter().any(|(known, _)| *known == file),
        }
    }

    /// A file that must be there, to be read in part.
    pub(crate) fn open(&self, file: &str) -> Result<ModelFile, LmError> {
        match self {
            ModelFiles::Folder(folder) => {
                let path = folder.join(file);
                let opened = std::fs::File::open(&path)
                    .and_then(|opened| Ok((opened.metadata()?.len(), opened)))
                    .map_err(|source| LmError::Read { path, source })?;
                Ok(ModelFile { bytes: opened.0, reader: Box::new(opened.1) })
            }
            ModelFiles::Embedded { .. } => {
                let content = self.read(file)?;
                Ok(ModelFile { bytes: content.len() as u64, reader: Box::new(Cursor::new(content)) })
            }
        }
    }

    /// A JSON file, as `T`, or `None` if there is no such file.
    pub(crate) fn optional_json<T: serde::de::DeserializeOwned>(
        &self,
        file: &str,
    ) -> Result<Option<T>, LmError> {
        let Some(bytes) = self.read_optional(file)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| LmError::file(file, error))
    }

    /// A JSON file that must be there, as `T`.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, file: &str) -> Result<T, LmError> {
        serde_json::from_slice(&self.read(file)?).map_err(|error| LmError::file(file, error))
    }
}
