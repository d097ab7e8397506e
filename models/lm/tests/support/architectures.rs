//! The small random models of `tests/fixtures/architectures`.

use std::path::{Path, PathBuf};

use toolbeam_lm::ModelFiles;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures")
}

/// The names of the models.
pub(crate) fn names() -> Vec<String> {
    let entries = std::fs::read_dir(fixtures()).expect("the fixtures are part of the repository");
    let folders = entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = folders.filter(|name| name != "tokenizer").collect();
    names.sort();
    names
}

/// A model's folder, with the tokenizer that all share.
pub(crate) fn folder(name: &str) -> (tempfile::TempDir, ModelFiles) {
    let whole = tempfile::tempdir().expect("a temporary folder");
    for part in [fixtures().join(name), fixtures().join("tokenizer")] {
        for entry in std::fs::read_dir(&part).expect("part of the repository") {
            let file = entry.expect("readable").path();
            std::fs::copy(&file, whole.path().join(file.file_name().expect("a name"))).expect("copied");
        }
    }
    let files = ModelFiles::Folder(whole.path().into());
    (whole, files)
}

/// What transformers computed with a model.
pub(crate) struct Expected {
    pub(crate) token_ids: Vec<u32>,
    /// The tokens after which values were recorded.
    pub(crate) rows: Vec<usize>,
    /// The logits, or the one number of a scalar head, of each row.
    pub(crate) values: Vec<Vec<f32>>,
}

impl Expected {
    pub(crate) fn load(name: &str) -> Expected {
        let bytes = std::fs::read(fixtures().join(name).join("expected.safetensors")).expect("recorded");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
        let tensor = |name: &str| tensors.tensor(name).expect("recorded");
        let integers = |name: &str| -> Vec<i64> {
            let words = tensor(name).data().chunks_exact(8);
            words.map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes"))).collect()
        };
        let values: Vec<f32> = tensor("values")
            .data()
            .chunks_exact(4)
            .map(|word| f32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        let rows: Vec<usize> = integers("rows").into_iter().map(|row| row as usize).collect();
        Expected {
            token_ids: integers("token_ids").into_iter().map(|id| id as u32).collect(),
            values: values.chunks(values.len() / rows.len()).map(<[f32]>::to_vec).collect(),
            rows,
        }
    }
}
