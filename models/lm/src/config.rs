//! `config.json` and `generation_config.json` as transformers 4 and 5 write them.

use serde::Deserialize;

use crate::{LmError, ModelFiles};

/// The shape of a Qwen2 model.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The architecture's name in `config.json`.
    pub architecture: String,
    /// Width of the residual stream.
    pub hidden_size: i64,
    /// Width of the MLP.
    pub intermediate_size: i64,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: i64,
    /// Number of key and value heads; divides the number of query heads.
    pub num_key_value_heads: i64,
    /// Width of a head.
    pub head_dim: i64,
    /// Rows of the embedding matrix.
    pub vocab_size: i64,
    /// The longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Epsilon of RMSNorm.
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Whether the output matrix is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// The tokens that end a turn, from `generation_config.json` and `config.json`.
    pub end_tokens: Vec<u32>,
}

#[derive(Deserialize)]
struct RawConfig {
    architectures: Vec<String>,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: usize,
    num_attention_heads: i64,
    num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    vocab_size: i64,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    #[serde(default = "silu")]
    hidden_act: String,
    rope_theta: Option<f64>,
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<RopeParameters>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    eos_token_id: EndTokens,
}

#[derive(Deserialize)]
struct RopeParameters {
    rope_theta: Option<f64>,
    #[serde(alias = "type")]
    rope_type: Option<String>,
}

#[derive(Deserialize, Default)]
struct RawGenerationConfig {
    #[serde(default)]
    eos_token_id: EndTokens,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum EndTokens {
    One(u32),
    Many(Vec<u32>),
    #[default]
    None,
}

fn silu() -> String {
    "silu".to_owned()
}

impl EndTokens {
    fn into_vec(self) -> Vec<u32> {
        match self {
            EndTokens::One(id) => vec![id],
            EndTokens::Many(ids) => ids,
            EndTokens::None => Vec::new(),
        }
    }
}

impl ModelConfig {
    /// Reads a model's configuration.
    ///
    /// # Errors
    /// [`LmError::ModelFile`] naming the field, if the runtime cannot compute such a model.
    pub fn read(files: &ModelFiles) -> Result<ModelConfig, LmError> {
        let raw: RawConfig = files.json("config.json")?;
        let generation = match files.read_optional("generation_config.json")? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| LmError::file("generation_config.json", error))?,
            None => RawGenerationConfig::default(),
        };
        raw.refuse_unknown()?;
        let mut end_tokens = generation.eos_token_id.into_vec();
        let rope = raw.rope_parameters.as_ref().and_then(|rope| rope.rope_theta);
        let config = ModelConfig {
            architecture: raw.architectures.into_iter().next().unwrap_or_default(),
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            num_hidden_layers: raw.num_hidden_layers,
            num_attention_heads: raw.num_attention_heads,
            num_key_value_heads: raw.num_key_value_heads.unwrap_or(raw.num_attention_heads),
            head_dim: raw.head_dim.unwrap_or(raw.hidden_size / raw.num_attention_heads.max(1)),
            vocab_size: raw.vocab_size,
            max_position_embeddings: raw.max_position_embeddings,
            rms_norm_eps: raw.rms_norm_eps,
            rope_theta: rope.or(raw.rope_theta).unwrap_or(10_000.0),
            tie_word_embeddings: raw.tie_word_embeddings,
            end_tokens: {
                end_tokens.extend(raw.eos_token_id.into_vec());
                end_tokens.sort_unstable();
                end_tokens.dedup();
                end_tokens
            },
        };
        config.check()?;
        Ok(config)
    }

    /// Bytes that the keys and values of one token take in `element_size`-byte numbers.
    pub fn kv_bytes_per_token(&self, element_size: u64) -> u64 {
        let per_layer = 2 * (self.num_key_value_heads * self.head_dim) as u64;
        per_layer * self.num_hidden_layers as u64 * element_size
    }

    fn check(&self) -> Result<(), LmError> {
        let refuse = |message: &str| Err(LmError::file("config.json", message));
        let sizes = [
            self.hidden_size,
            self.intermediate_size,
            self.num_attention_heads,
            self.num_key_value_heads,
            self.head_dim,
            self.vocab_size,
        ];
        if sizes.iter().any(|size| *size <= 0) || self.num_hidden_layers == 0 {
            return refuse("every size must be positive");
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            return refuse("num_attention_heads must be a multiple of num_key_value_heads");
        }
        if self.head_dim % 2 != 0 {
            return refuse("head_dim must be even for the rotary embedding");
        }
        if self.end_tokens.is_empty() {
            return refuse("no eos_token_id here or in generation_config.json; add one");
        }
        if self.end_tokens.iter().any(|id| i64::from(*id) >= self.vocab_size) {
            return refuse("eos_token_id lies outside the vocabulary");
        }
        Ok(())
    }
}

impl RawConfig {
    fn refuse_unknown(&self) -> Result<(), LmError> {
        let refuse = |message: String| Err(LmError::file("config.json", message));
        match self.architectures.first().map(String::as_str) {
            Some("Qwen2ForCausalLM") => {}
            Some(other) => {
                return refuse(format!("architectures names {other}; supported is Qwen2ForCausalLM"));
            }
            None => return refuse("architectures is empty; it must name Qwen2ForCausalLM".into()),
        }
        if self.hidden_act != "silu" {
            return refuse(format!("hidden_act is {}; supported is silu", self.hidden_act));
        }
        if self.use_sliding_window {
            return refuse("use_sliding_window is true; sliding windows are not supported".into());
        }
        for rope in [&self.rope_parameters, &self.rope_scaling].into_iter().flatten() {
            if let Some(kind) = rope.rope_type.as_deref().filter(|kind| *kind != "default") {
                return refuse(format!("rope_type is {kind}; supported is default"));
            }
        }
        Ok(())
    }
}
