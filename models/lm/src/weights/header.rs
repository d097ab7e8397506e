//! The header of a safetensors file.

use std::io::Read;

use safetensors::tensor::Metadata;

use crate::files::ModelFile;
use crate::{LmError, ModelFiles};

/// The safetensors format's own bound.
const LARGEST_HEADER: u64 = 100_000_000;
const REMEDY: &str = "download or copy it again";

/// What a file holds, and where its data begins.
pub(super) struct Header {
    pub(super) tensors: Metadata,
    /// Offset of the data in the file.
    pub(super) data_start: u64,
    /// Size of the file.
    pub(super) bytes: u64,
}

impl Header {
    /// Reads the header of `file` and holds it against the file's size.
    pub(super) fn read(files: &ModelFiles, file: &str) -> Result<Header, LmError> {
        let ModelFile { mut reader, bytes } = files.open(file)?;
        let refuse = |message: String| LmError::file(file, format!("{message}; {REMEDY}"));
        let cut = |_| refuse("not a safetensors file: it ends within its header".to_owned());
        let mut length = [0; 8];
        reader.read_exact(&mut length).map_err(cut)?;
        let length = u64::from_le_bytes(length);
        if length > LARGEST_HEADER || length.saturating_add(8) > bytes {
            let message =
                format!("not a safetensors file: a header of {length} bytes does not fit its {bytes}");
            return Err(refuse(message));
        }
        let mut header = vec![0; length as usize];
        reader.read_exact(&mut header).map_err(cut)?;
        let tensors: Metadata = serde_json::from_slice(&header)
            .map_err(|error| refuse(format!("its safetensors header is corrupt: {error}")))?;
        let data_start = 8 + length;
        let expected = data_start + tensors.data_len() as u64;
        if expected != bytes {
            let how = if bytes < expected { "truncated" } else { "too long" };
            return Err(refuse(format!("{how}: it has {bytes} bytes, its header describes {expected}")));
        }
        Ok(Header { tensors, data_start, bytes })
    }
}
