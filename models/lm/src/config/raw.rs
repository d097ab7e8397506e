//! The fields of `config.json`, and those whose value the runtime cannot compute with.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::architecture::{ARCHITECTURES, Architecture, Head};

#[derive(Deserialize)]
pub(super) struct RawConfig {
    #[serde(default)]
    architectures: Vec<String>,
    pub(super) hidden_size: i64,
    pub(super) intermediate_size: i64,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: i64,
    pub(super) num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    pub(super) vocab_size: i64,
    pub(super) max_position_embeddings: usize,
    pub(super) rms_norm_eps: f64,
    #[serde(default = "silu")]
    hidden_act: String,
    pub(super) attention_bias: Option<bool>,
    pub(super) rope_theta: Option<f64>,
    pub(super) partial_rotary_factor: Option<f64>,
    pub(super) rope_parameters: Option<Map<String, Value>>,
    pub(super) rope_scaling: Option<Map<String, Value>>,
    #[serde(default)]
    use_mrope: bool,
    #[serde(default)]
    pub(super) tie_word_embeddings: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default = "sliding_window")]
    sliding_window: Option<i64>,
    #[serde(default = "max_window_layers")]
    max_window_layers: usize,
    layer_types: Option<Vec<String>>,
    quantization_config: Option<Value>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub(super) eos_token_id: EndTokens,
}

#[derive(Deserialize, Default)]
pub(super) struct RawGenerationConfig {
    #[serde(default)]
    pub(super) eos_token_id: EndTokens,
}

#[derive(Clone, Deserialize, Default)]
#[serde(untagged)]
pub(super) enum EndTokens {
    One(u32),
    Many(Vec<u32>),
    #[default]
    None,
}

// Where a field is absent transformers takes these.
fn silu() -> String {
    "silu".to_owned()
}

fn sliding_window() -> Option<i64> {
    Some(4096)
}

fn max_window_layers() -> usize {
    28
}

const DEFAULT_LABELS: usize = 2;

impl IntoIterator for EndTokens {
    type Item = u32;
    type IntoIter = std::vec::IntoIter<u32>;

    fn into_iter(self) -> std::vec::IntoIter<u32> {
        match self {
            EndTokens::One(id) => vec![id],
            EndTokens::Many(ids) => ids,
            EndTokens::None => Vec::new(),
        }
        .into_iter()
    }
}

impl RawConfig {
    /// The architecture, if it is one that the runtime computes.
    pub(super) fn architecture(&self) -> Option<&'static Architecture> {
        let name = self.architectures.first()?;
        ARCHITECTURES.iter().find(|architecture| architecture.name == name)
    }

    pub(super) fn head_dim(&self, architecture: &Architecture) -> i64 {
        let even = self.hidden_size / self.num_attention_heads.max(1);
        self.head_dim.or(architecture.head_dim).unwrap_or(even)
    }

    /// What would be computed wrongly, or not at all.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.architecture().is_none() {
            let known = ARCHITECTURES.map(|architecture| architecture.name).join(", ");
            let named = self.architectures.first().map_or("nothing", String::as_str);
            problems.push(format!("architectures names {named}; supported are {known}"));
        }
        if self.hidden_act != "silu" {
            problems.push(format!("hidden_act is {}; supported is silu", self.hidden_act));
        }
        if self.use_mrope {
            problems
                .push("use_mrope is true; models with several kinds of position are not supported".into());
        }
        if self.quantization_config.is_some() {
            problems.push(
                "quantization_config is given; quantised weights are not supported, use the original \
                 folder in BF16, F16 or F32"
                    .into(),
            );
        }
        problems.extend(self.bias_problem());
        problems.extend(self.window_problem());
        problems.extend(self.label_problem());
        problems
    }

    fn bias_problem(&self) -> Option<String> {
        let fixed = self.architecture().is_some_and(|architecture| !architecture.output_bias);
        (fixed && self.attention_bias == Some(false)).then(|| {
            "attention_bias is false, but Qwen2 always has biases; remove the field if the weights have them"
                .to_owned()
        })
    }

    /// As transformers decides which layers have a window: `layer_types`, or the layers from
    /// `max_window_layers` on.
    fn window_problem(&self) -> Option<String> {
        let refuse = |field: String| Some(format!("{field}; sliding windows are not supported"));
        match &self.layer_types {
            Some(types) => {
                let other = types.iter().find(|kind| *kind != "full_attention")?;
                refuse(format!("layer_types has {other}"))
            }
            None if self.use_sliding_window
                && self.sliding_window.is_some()
                && self.max_window_layers < self.num_hidden_layers =>
            {
                refuse(format!(
                    "use_sliding_window is true for the layers from {} on (max_window_layers)",
                    self.max_window_layers
                ))
            }
            None => None,
        }
    }

    fn label_problem(&self) -> Option<String> {
        let scalar = self.architecture().is_some_and(|architecture| architecture.head == Head::Scalar);
        let named = self.id2label.as_ref().map(BTreeMap::len);
        let labels = named.or(self.num_labels).unwrap_or(DEFAULT_LABELS);
        (scalar && labels != 1)
            .then(|| format!("the classifier has {labels} labels (id2label); a reward model has one"))
    }
}
