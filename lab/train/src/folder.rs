//! The folder of the model that is trained, but for its weights: written when a run begins, read by everything
//! after it, and copied to where the trained model goes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};
use toolbeam_lm::{Inspection, LmError, ModelConfig, ModelFiles, ModelFolder, PromptFormat, Tokenizer};
use toolbeam_reward::RewardKind;

use crate::TrainError;
use crate::settings::Task;

/// What is taken over from the model that training begins with.
const FILES: [&str; 10] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
    "toolbeam.json",
];

/// How texts become tokens, and what the model is.
pub struct Interface {
    /// Shape.
    pub config: ModelConfig,
    /// Encodes text.
    pub tokenizer: Arc<Tokenizer>,
    /// Renders prompts.
    pub prompts: PromptFormat,
    /// How a policy writes answers, by its name in `toolbeam.json`.
    pub layout: String,
    /// The token that ends a turn.
    pub end: u32,
}

impl Interface {
    /// Reads a folder that may have no weights.
    ///
    /// # Errors
    /// The first of what is wrong with it, naming the file.
    pub fn read(files: &ModelFiles) -> Result<Interface, TrainError> {
        let found = Inspection::without_weights(files);
        if let Some(problem) = found.problems.into_iter().next() {
            return Err(problem.into());
        }
        let (Some(config), Some(tokenizer), Some(template)) = (found.config, found.tokenizer, found.template)
        else {
            return Err(wrong("config.json", "could not be read with the rest of the folder"));
        };
        let layout = found.profile.and_then(|profile| profile.answer_layout);
        Ok(Interface {
            end: config.end_tokens.first().copied().unwrap_or_default(),
            prompts: PromptFormat::new(template, Arc::clone(&tokenizer)),
            layout: layout.unwrap_or_else(|| "json_list".to_owned()),
            config,
            tokenizer,
        })
    }
}

/// Writes the folder of a model that `task` makes of another one: its head, what `toolbeam.json` says, and the
/// markers that its tokenizer lacks.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn prepare(base: &ModelFiles, task: &Task, to: &Path) -> Result<(), TrainError> {
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for name in FILES {
        if let Some(bytes) = base.read_optional(name)? {
            files.insert(name, bytes.into_owned());
        }
    }
    let kind = match task {
        Task::Answers { .. } => None,
        Task::Labels { kind, .. } => Some(*kind),
        Task::Preferences { .. } => Some(RewardKind::ToolRm),
    };
    let mut config = object(&files, "config.json")?;
    if let Some(kind) = kind.filter(|kind| *kind != RewardKind::ToolRm) {
        let mut tokenizer = object(&files, "tokenizer.json")?;
        let size = add_markers(&mut tokenizer, kind);
        let rows = config.get("vocab_size").and_then(Value::as_u64).unwrap_or_default();
        config.insert("vocab_size".to_owned(), rows.max(size).into());
        files.insert("tokenizer.json", text(&tokenizer));
    }
    if kind == Some(RewardKind::ToolRm) {
        classify(&mut config);
    }
    files.insert("config.json", text(&config));
    files.insert("toolbeam.json", text(&profile(object(&files, "toolbeam.json")?, kind)));
    fs::create_dir_all(to).map_err(|error| TrainError::write(to, error))?;
    for (name, bytes) in files {
        let path = to.join(name);
        fs::write(&path, bytes).map_err(|error| TrainError::write(&path, error))?;
    }
    Ok(())
}

/// The weights to begin with for a model of the shape `config`, by name: the base's own, new rows of the embedding
/// that are its mean, and zeros where the base has nothing.
pub(crate) fn first_weights(
    base: &ModelFiles,
    config: &ModelConfig,
) -> Result<BTreeMap<String, Tensor>, TrainError> {
    let folder = ModelFolder::read(base)?;
    let mut found = folder.load_parameters(base, Device::Cpu)?;
    let mut weights = BTreeMap::new();
    for (name, shape) in config.parameters() {
        let tensor = match found.remove(&name) {
            Some(tensor) if tensor.size() == shape => tensor,
            Some(tensor) => grown(&tensor, &shape)?,
            None => Tensor::f_zeros(shape.as_slice(), (Kind::Float, Device::Cpu))?,
        };
        weights.insert(name, tensor);
    }
    Ok(weights)
}

/// (rows, n) -> `shape`, (more rows, n).
fn grown(tensor: &Tensor, shape: &[i64]) -> Result<Tensor, TrainError> {
    let more = shape[0] - tensor.size()[0];
    let mean = tensor.f_mean_dim(0, true, Kind::Float)?.f_expand([more, tensor.size()[1]], false)?;
    Ok(Tensor::f_cat(&[tensor, &mean], 0)?)
}

/// Adds the markers of `kind` that are not there; gives one more than the largest id.
fn add_markers(tokenizer: &mut Map<String, Value>, kind: RewardKind) -> u64 {
    let vocabulary = tokenizer.get("model").and_then(|model| model.get("vocab")).and_then(Value::as_object);
    let ids = vocabulary.into_iter().flat_map(Map::values).filter_map(Value::as_u64);
    let mut next = ids.max().map_or(0, |id| id + 1);
    let added = tokenizer.entry("added_tokens").or_insert_with(|| json!([]));
    let Some(added) = added.as_array_mut() else { return next };
    next = added.iter().filter_map(|token| token["id"].as_u64()).fold(next, |next, id| next.max(id + 1));
    for marker in kind.markers() {
        if added.iter().any(|token| token["content"] == marker.token()) {
            continue;
        }
        added.push(json!({
            "id": next, "content": marker.token(), "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        }));
        next += 1;
    }
    next
}

/// Makes a configuration that of a model with one number for an output.
fn classify(config: &mut Map<String, Value>) {
    let causal = config.get("architectures").and_then(|names| names.get(0)).and_then(Value::as_str);
    let name = causal.unwrap_or_default().replace("ForCausalLM", "ForSequenceClassification");
    config.insert("architectures".to_owned(), json!([name]));
    config.insert("num_labels".to_owned(), json!(1));
    config.insert("id2label".to_owned(), json!({ "0": "LABEL_0" }));
    config.insert("label2id".to_owned(), json!({ "LABEL_0": 0 }));
}

/// What `toolbeam.json` says of the trained model: a policy's own words stay, and a reward model writes no answers.
fn profile(mut profile: Map<String, Value>, kind: Option<RewardKind>) -> Map<String, Value> {
    match kind {
        None => {
            profile.remove("reward");
        }
        Some(kind) => {
            profile.remove("answer_layout");
            profile.insert("reward".to_owned(), json!({ "kind": kind }));
        }
    }
    profile
}

/// A JSON file's object; an empty one if there is no such file.
fn object(files: &BTreeMap<&str, Vec<u8>>, name: &str) -> Result<Map<String, Value>, TrainError> {
    let Some(bytes) = files.get(name) else { return Ok(Map::new()) };
    serde_json::from_slice(bytes).map_err(|error| wrong(name, &format!("{error}; a JSON object is expected")))
}

fn text(object: &Map<String, Value>) -> Vec<u8> {
    // A map of JSON values: nothing that JSON could not hold.
    let mut text = serde_json::to_vec_pretty(object).unwrap_or_default();
    text.push(b'\n');
    text
}

fn wrong(file: &str, message: &str) -> TrainError {
    LmError::ModelFile { file: file.to_owned(), message: message.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_added_once_behind_everything() {
        let file = json!({
            "added_tokens": [{ "id": 4, "content": "<FUNC_FINISH>" }],
            "model": { "vocab": { "a": 0, "b": 5 } },
        });
        let mut tokenizer = file.as_object().cloned().unwrap_or_default();
        assert_eq!(add_markers(&mut tokenizer, RewardKind::CPrm), 7);
        assert_eq!(tokenizer["added_tokens"][1]["content"], "<TOTAL_FINISH>");
        assert_eq!(tokenizer["added_tokens"][1]["id"], 6);
        assert_eq!(add_markers(&mut tokenizer, RewardKind::CPrm), 7);
    }

    #[test]
    fn new_rows_are_the_mean_of_the_others() {
        let tensor = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 6.0]).view([2, 2]);
        let found = grown(&tensor, &[4, 2]).expect("grown");
        assert_eq!(
            Vec::<f32>::try_from(found.narrow(0, 2, 2).reshape([-1])).expect("numbers"),
            [2.0, 4.0, 2.0, 4.0]
        );
    }
}
