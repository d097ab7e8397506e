//! What a folder does not say in Hugging Face's files: `toolbeam.json`, and presets for known models.

mod preset;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{LmError, ModelFiles};
use preset::{PRESETS, Preset};

const FILE: &str = "toolbeam.json";
/// The preset's name by which a folder is taken as its files are.
const NO_PRESET: &str = "none";

/// How a model is used, as far as the runtime carries it. What `toolbeam.json` says comes before what
/// the preset says.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The preset that was recognised or named.
    pub preset: Option<&'static str>,
    /// How the model writes answers; a name that the policy service knows.
    pub answer_layout: Option<String>,
    /// Whether `toolbeam.json` says how the model judges answers.
    pub judges: bool,
    /// Variables of the chat template, such as `enable_thinking`.
    pub template_variables: BTreeMap<String, Value>,
    /// A chat template in place of the folder's own.
    pub(crate) chat_template: Option<&'static str>,
    /// Special tokens that end a turn beside those of `generation_config.json`.
    pub(crate) end_tokens: Vec<String>,
    /// Whether `end_tokens` are the folder's own, so that each must exist.
    pub(crate) end_tokens_required: bool,
}

/// `toolbeam.json`. The parts of reward models are read where they are used; they stand here so that
/// a misspelled key is refused.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    preset: Option<String>,
    answer_layout: Option<String>,
    #[serde(default)]
    template_variables: BTreeMap<String, Value>,
    end_tokens: Option<Vec<String>>,
    reward: Option<Value>,
    #[serde(rename = "input")]
    _input: Option<Value>,
    #[serde(rename = "label_context")]
    _label_context: Option<Value>,
}

impl Profile {
    /// Whether nothing says what the model is for: neither how it writes answers nor how it judges them.
    pub fn is_undecided(&self) -> bool {
        self.answer_layout.is_none() && !self.judges
    }

    /// Reads `toolbeam.json`, if it is there, and looks for the preset of a folder with this
    /// architecture and this chat template.
    ///
    /// # Errors
    /// [`LmError::ModelFile`] naming the key.
    pub(crate) fn read(files: &ModelFiles, architecture: &str, template: &str) -> Result<Profile, LmError> {
        let file: File = files.optional_json(FILE)?.unwrap_or_default();
        let preset = match file.preset.as_deref() {
            None => PRESETS.iter().find(|preset| preset.matches(architecture, template)),
            Some(NO_PRESET) => None,
            Some(name) => Some(named(name)?),
        };
        let mut template_variables: BTreeMap<String, Value> =
            preset.iter().flat_map(|preset| preset.template_variables()).collect();
        template_variables.extend(file.template_variables);
        let preset_tokens = preset.iter().flat_map(|preset| preset.end_tokens).map(ToString::to_string);
        Ok(Profile {
            preset: preset.map(|preset| preset.name),
            answer_layout: file.answer_layout.or(preset.map(|preset| preset.answer_layout.to_owned())),
            judges: file.reward.is_some(),
            template_variables,
            chat_template: preset.and_then(|preset| preset.chat_template),
            end_tokens_required: file.end_tokens.is_some(),
            end_tokens: file.end_tokens.unwrap_or_else(|| preset_tokens.collect()),
        })
    }
}

fn named(name: &str) -> Result<&'static Preset, LmError> {
    PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let message = format!("preset is {name}; known are {}, and {NO_PRESET}", known.join(", "));
        LmError::file(FILE, message)
    })
}
