//! Where a model's files come from: a Hugging Face folder, or bytes inside the program.

use std::borrow::Cow;
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

    /// A JSON file that must be there, as `T`.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, file: &str) -> Result<T, LmError> {
        serde_json::from_slice(&self.read(file)?).map_err(|error| LmError::file(file, error))
    }
}
