//! Which tensors there are, and where.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use safetensors::Dtype;
use serde::Deserialize;

use super::header::Header;
use crate::{LmError, ModelFiles};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Tensors that are named of those that do not fit; a wrong size concerns every layer.
const LISTED: usize = 5;

/// The tensors of a model folder.
pub struct WeightTable {
    shards: Vec<Shard>,
    places: HashMap<String, Place>,
}

/// A weight file.
pub(super) struct Shard {
    pub(super) file: String,
    pub(super) bytes: u64,
}

/// Where a tensor is.
pub(super) struct Place {
    /// Index of its shard.
    pub(super) shard: usize,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<i64>,
    /// Offset in the file.
    pub(super) start: u64,
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl WeightTable {
    /// Reads the headers of `model.safetensors`, or of the shards that `model.safetensors.index.json`
    /// names.
    ///
    /// # Errors
    /// Everything that is missing or broken, each naming its file.
    pub(crate) fn read(files: &ModelFiles) -> Result<WeightTable, Vec<LmError>> {
        let mut table = WeightTable { shards: Vec::new(), places: HashMap::new() };
        if files.exists(SINGLE) {
            table.add(files, SINGLE).map_err(|error| vec![error])?;
            return Ok(table);
        }
        let index: Index = files.optional_json(INDEX).map_err(|error| vec![error])?.ok_or_else(|| {
            let message = format!("is missing, and so is {INDEX}; weights are read from safetensors only");
            vec![LmError::file(SINGLE, message)]
        })?;
        let mut problems = Vec::new();
        for file in index.weight_map.values().collect::<BTreeSet<_>>() {
            // The folder's own files only, whatever an index says.
            let added = match std::path::Path::new(file).file_name() {
                Some(name) if name == file.as_str() => table.add(files, file),
                _ => Err(LmError::file(
                    INDEX,
                    format!("names the shard {file}, which is no file of the folder"),
                )),
            };
            problems.extend(added.err());
        }
        for (name, file) in &index.weight_map {
            let shard = table.shards.iter().position(|shard| shard.file == *file);
            let found = table.places.get(name).map(|place| place.shard);
            if shard.is_some() && found != shard {
                let message =
                    format!("has no tensor {name}, which {INDEX} places there; download both again");
                problems.push(LmError::file(file, message));
            }
        }
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn add(&mut self, files: &ModelFiles, file: &str) -> Result<(), LmError> {
        let header = Header::read(files, file)?;
        let shard = self.shards.len();
        self.shards.push(Shard { file: file.to_owned(), bytes: header.bytes });
        for (name, info) in header.tensors.tensors() {
            let (start, end) = info.data_offsets;
            let place = Place {
                shard,
                dtype: info.dtype,
                shape: info.shape.iter().map(|size| *size as i64).collect(),
                start: header.data_start + start as u64,
                bytes: (end - start) as u64,
            };
            self.places.insert(name, place);
        }
        Ok(())
    }

    /// Holds the tensors against the parameters that a model has, names and shapes.
    pub(crate) fn problems(&self, parameters: &BTreeMap<String, Vec<i64>>) -> Vec<LmError> {
        let without_prefix =
            |name: &str| name.strip_prefix("model.").is_some_and(|name| self.places.contains_key(name));
        if parameters.keys().any(|name| without_prefix(name)) {
            let message = "tensors lack the prefix model., as of a base model without its head; save the whole \
                           model as config.json names it";
            return vec![LmError::file(self.main_file(), message)];
        }
        let mut problems = Vec::new();
        for (name, shape) in parameters {
            match self.places.get(name) {
                Some(place) => {
                    let file = &self.shards[place.shard].file;
                    problems.extend(place.problem(name, shape).map(|message| LmError::file(file, message)));
                }
                None => {
                    let message = format!("tensor {name} is missing; does config.json belong to it?");
                    problems.push(LmError::file(self.main_file(), message));
                }
            }
        }
        if problems.len() > LISTED {
            let more = problems.split_off(LISTED).len();
            let message =
                format!("{more} more tensors do not fit config.json; do the files belong together?");
            problems.push(LmError::file(self.main_file(), message));
        }
        problems
    }

    /// The weight files with their sizes in bytes.
    pub fn shards(&self) -> impl Iterator<Item = (&str, u64)> {
        self.shards.iter().map(|shard| (shard.file.as_str(), shard.bytes))
    }

    /// The dtypes of the tensors, as safetensors names them.
    pub fn dtypes(&self) -> BTreeSet<String> {
        self.places.values().map(|place| format!("{:?}", place.dtype)).collect()
    }

    pub(super) fn place(&self, name: &str) -> Result<&Place, LmError> {
        self.places
            .get(name)
            .ok_or_else(|| LmError::file(self.main_file(), format!("tensor {name} is missing")))
    }

    pub(super) fn shard(&self, place: &Place) -> &Shard {
        &self.shards[place.shard]
    }

    /// The file to name where no particular shard is at fault.
    fn main_file(&self) -> &str {
        match self.shards.as_slice() {
            [one] => &one.file,
            _ => INDEX,
        }
    }
}

impl Place {
    /// What is wrong with it as the parameter `name` of this shape.
    fn problem(&self, name: &str, shape: &[i64]) -> Option<String> {
        let (found, dtype) = (&self.shape, self.dtype);
        if found != shape {
            return Some(format!("tensor {name} has shape {found:?}, but config.json asks for {shape:?}"));
        }
        let known = matches!(dtype, Dtype::BF16 | Dtype::F16 | Dtype::F32);
        (!known).then(|| format!("tensor {name} is {dtype:?}; convert the weights to BF16, F16 or F32"))
    }
}
