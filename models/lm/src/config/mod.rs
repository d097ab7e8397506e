//! `config.json` and `generation_config.json` as transformers 4 and 5 write them.

mod architecture;
mod raw;
mod rope;

use std::collections::BTreeMap;

pub use architecture::Head;
pub(crate) use rope::{Rope, Scaling, Yarn};

use crate::{LmError, ModelFiles};
use raw::{RawConfig, RawGenerationConfig};

pub(crate) const FILE: &str = "config.json";
const GENERATION_FILE: &str = "generation_config.json";
/// Far beyond any model, and small enough that products of two sizes are exact.
const LARGEST_SIZE: i64 = 1 << 24;
const MOST_LAYERS: usize = 1 << 12;

/// The shape of a Qwen2 or Qwen3 model.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The architecture's name in `config.json`.
    pub architecture: String,
    /// What the last hidden state is turned into.
    pub head: Head,
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
    /// Width of a head; times the number of heads it need not be `hidden_size`.
    pub head_dim: i64,
    /// Rows of the embedding matrix.
    pub vocab_size: i64,
    /// The longest sequence, in tokens: `max_position_embeddings`, and what linear scaling and YaRN
    /// make of it.
    pub context_length: usize,
    /// Epsilon of RMSNorm.
    pub rms_norm_eps: f64,
    /// Whether the output matrix is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// The tokens that end a turn, the one that a model writes first: `end_tokens` of `toolbeam.json`
    /// or of the preset, `generation_config.json`, `config.json`.
    pub end_tokens: Vec<u32>,
    /// Whether queries and keys are normed per head before they are rotated (Qwen3).
    pub head_norm: bool,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether the attention's output has a bias.
    pub output_bias: bool,
    /// How positions turn queries and keys.
    pub(crate) rope: Rope,
}

impl ModelConfig {
    /// Reads a model's configuration.
    ///
    /// # Errors
    /// Everything that the runtime cannot compute, each naming its field.
    pub(crate) fn read(files: &ModelFiles) -> Result<ModelConfig, Vec<LmError>> {
        let raw: RawConfig = files.json(FILE).map_err(|error| vec![error])?;
        let generation: RawGenerationConfig =
            files.optional_json(GENERATION_FILE).map_err(|error| vec![error])?.unwrap_or_default();
        let mut problems = raw.problems();
        let rope = rope::read(&raw).map_err(|message| problems.push(message)).ok();
        let architecture = raw.architecture();
        let config = rope.zip(architecture).map(|(rope, architecture)| {
            let biased = raw.attention_bias.unwrap_or(architecture.qkv_bias);
            ModelConfig {
                architecture: architecture.name.to_owned(),
                head: architecture.head,
                hidden_size: raw.hidden_size,
                intermediate_size: raw.intermediate_size,
                num_hidden_layers: raw.num_hidden_layers,
                num_attention_heads: raw.num_attention_heads,
                num_key_value_heads: raw.num_key_value_heads.unwrap_or(raw.num_attention_heads),
                head_dim: raw.head_dim(architecture),
                vocab_size: raw.vocab_size,
                context_length: rope.context_length(raw.max_position_embeddings),
                rms_norm_eps: raw.rms_norm_eps,
                tie_word_embeddings: raw.tie_word_embeddings && architecture.head == Head::Vocabulary,
                end_tokens: generation.eos_token_id.into_iter().chain(raw.eos_token_id.clone()).collect(),
                head_norm: architecture.head_norm,
                qkv_bias: biased,
                output_bias: biased && architecture.output_bias,
                rope,
            }
        });
        problems.extend(config.iter().flat_map(ModelConfig::problems));
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems.into_iter().map(|message| LmError::file(FILE, message)).collect()),
        }
    }

    /// Bytes that the keys and values of one token take in `element_size`-byte numbers.
    pub fn kv_bytes_per_token(&self, element_size: u64) -> u64 {
        let per_layer = 2 * (self.num_key_value_heads * self.head_dim) as u64;
        per_layer * self.num_hidden_layers as u64 * element_size
    }

    /// Names and shapes of the parameters, as transformers names them.
    pub fn parameters(&self) -> BTreeMap<String, Vec<i64>> {
        let hidden = self.hidden_size;
        let layer = self.layer_parameters();
        let mut all = BTreeMap::from([
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab_size, hidden]),
            ("model.norm.weight".to_owned(), vec![hidden]),
        ]);
        match self.head {
            Head::Vocabulary if self.tie_word_embeddings => None,
            Head::Vocabulary => all.insert("lm_head.weight".to_owned(), vec![self.vocab_size, hidden]),
            Head::Scalar => all.insert("score.weight".to_owned(), vec![1, hidden]),
        };
        for number in 0..self.num_hidden_layers {
            let named =
                |(name, shape): &(_, Vec<i64>)| (format!("model.layers.{number}.{name}"), shape.clone());
            all.extend(layer.iter().map(named));
        }
        all
    }

    /// The parameters of one layer.
    fn layer_parameters(&self) -> Vec<(&'static str, Vec<i64>)> {
        let (hidden, wide, size) = (self.hidden_size, self.intermediate_size, self.head_dim);
        let (query, kv) = (self.num_attention_heads * size, self.num_key_value_heads * size);
        let mut layer = vec![
            ("input_layernorm.weight", vec![hidden]),
            ("self_attn.q_proj.weight", vec![query, hidden]),
            ("self_attn.k_proj.weight", vec![kv, hidden]),
            ("self_attn.v_proj.weight", vec![kv, hidden]),
            ("self_attn.o_proj.weight", vec![hidden, query]),
            ("post_attention_layernorm.weight", vec![hidden]),
            ("mlp.gate_proj.weight", vec![wide, hidden]),
            ("mlp.up_proj.weight", vec![wide, hidden]),
            ("mlp.down_proj.weight", vec![hidden, wide]),
        ];
        if self.head_norm {
            layer.extend([("self_attn.q_norm.weight", vec![size]), ("self_attn.k_norm.weight", vec![size])]);
        }
        if self.qkv_bias {
            layer.push(("self_attn.q_proj.bias", vec![query]));
            layer.extend([("self_attn.k_proj.bias", vec![kv]), ("self_attn.v_proj.bias", vec![kv])]);
        }
        if self.output_bias {
            layer.push(("self_attn.o_proj.bias", vec![hidden]));
        }
        layer
    }

    /// Number of parameters, tied ones once.
    pub fn parameter_count(&self) -> u64 {
        let count =
            |shape: &Vec<i64>| shape.iter().fold(1u64, |count, size| count.saturating_mul(*size as u64));
        self.parameters().values().map(count).fold(0, u64::saturating_add)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let sizes = [
            self.hidden_size,
            self.intermediate_size,
            self.num_attention_heads,
            self.num_key_value_heads,
            self.head_dim,
            self.vocab_size,
        ];
        if sizes.iter().any(|size| *size <= 0) || self.num_hidden_layers == 0 || self.context_length == 0 {
            return vec!["every size must be positive".to_owned()];
        }
        if sizes.iter().any(|size| *size > LARGEST_SIZE) || self.num_hidden_layers > MOST_LAYERS {
            return vec![
                "a size is beyond that of any model; take config.json from its source again".to_owned(),
            ];
        }
        if u32::try_from(self.context_length).is_err() {
            problems.push(format!(
                "the context is {} tokens; correct max_position_embeddings and the rotary embedding's factor",
                self.context_length
            ));
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            problems.push("num_attention_heads must be a multiple of num_key_value_heads".to_owned());
        }
        if self.head_dim % 2 != 0 {
            problems.push("head_dim must be even for the rotary embedding".to_owned());
        }
        if self.end_tokens.iter().any(|id| i64::from(*id) >= self.vocab_size) {
            problems.push(
                "eos_token_id lies outside the vocabulary; correct it here or in \
                           generation_config.json"
                    .to_owned(),
            );
        }
        problems
    }
}
