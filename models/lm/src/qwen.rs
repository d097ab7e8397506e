//! Qwen2 and Qwen3: weights, block, attention, as in transformers' `modeling_qwen2.py` and
//! `modeling_qwen3.py`. What one has and the other has not is an `Option`.
//!
//! Shapes: T tokens of all sequences of a pass, concatenated; D hidden; H query heads; K key-value
//! heads; E head size; V vocabulary.

use tch::{Device, Kind, Tensor};

use crate::attention::{AttentionPlan, LayerKv, Span};
use crate::config::Head;
use crate::kv::KvStore;
use crate::rotary::{Rotary, Rotation};
use crate::weights::Loader;
use crate::{LmError, ModelConfig};

/// A Qwen model on a device.
pub(crate) struct Qwen {
    pub(crate) config: ModelConfig,
    /// (V, D)
    embedding: Tensor,
    /// (V, D), the embedding where the weights are tied; (1, D) for a scalar head.
    output: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    rotary: Rotary,
    device: Device,
    kind: Kind,
}

struct Block {
    attention_norm: Tensor,
    /// ((H + 2K) * E, D)
    qkv_weight: Tensor,
    /// ((H + 2K) * E)
    qkv_bias: Option<Tensor>,
    /// (H + K, E): what scales each query and key head after it is normed.
    head_norm: Option<Tensor>,
    /// (D, H * E)
    output_weight: Tensor,
    /// (D)
    output_bias: Option<Tensor>,
    mlp_norm: Tensor,
    /// (2 * intermediate, D): gate, then up.
    gate_up: Tensor,
    /// (D, intermediate)
    down: Tensor,
}

/// New tokens of one sequence in a pass.
pub(crate) struct Extension<'a> {
    /// The tokens.
    pub(crate) tokens: &'a [u32],
    /// Number of tokens before them.
    pub(crate) position: usize,
    /// What they attend to.
    pub(crate) span: Span,
}

impl Qwen {
    /// Loads the weights, whose names and shapes must have been checked.
    pub(crate) fn load(
        config: ModelConfig,
        loader: &mut Loader,
        device: Device,
        kind: Kind,
    ) -> Result<Qwen, LmError> {
        let embedding = loader.tensor("model.embed_tokens.weight")?;
        let output = match config.head {
            Head::Vocabulary if config.tie_word_embeddings => embedding.shallow_clone(),
            Head::Vocabulary => loader.tensor("lm_head.weight")?,
            Head::Scalar => loader.tensor("score.weight")?,
        };
        let blocks = (0..config.num_hidden_layers)
            .map(|layer| Block::load(loader, &config, layer))
            .collect::<Result<Vec<_>, _>>()?;
        let norm = loader.tensor("model.norm.weight")?;
        let rotary = Rotary::new(&config, device)?;
        Ok(Qwen { config, embedding, output, blocks, norm, rotary, device, kind })
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Computes new tokens of several sequences and stores their keys and values in `store`.
    /// Returns the final hidden states, shape (T, D), of the tokens in order.
    pub(crate) fn forward(&self, store: &mut KvStore, batch: &[Extension]) -> Result<Tensor, LmError> {
        let config = &self.config;
        let tokens: Vec<i64> = batch.iter().flat_map(|e| e.tokens).map(|id| i64::from(*id)).collect();
        let positions: Vec<i64> =
            batch.iter().flat_map(|e| e.position..e.position + e.tokens.len()).map(|p| p as i64).collect();
        let spans: Vec<Span> = batch.iter().map(|e| e.span.clone()).collect();
        let group = config.num_attention_heads / config.num_key_value_heads;
        let plan = AttentionPlan::new(&spans, group, self.device, self.kind)?;
        // 1. Embed: (T) -> (T, D).
        let ids = Tensor::f_from_slice(&tokens)?.f_to_device(self.device)?;
        let mut hidden = self.embedding.f_index_select(0, &ids)?;
        // 2. Rotations of these positions.
        let positions = Tensor::f_from_slice(&positions)?.f_to_device(self.device)?;
        let rotation = self.rotary.at(&positions, self.kind)?;
        // 3. Blocks.
        for (layer, block) in self.blocks.iter().enumerate() {
            let mut kv = (&mut store.keys[layer], &mut store.values[layer]);
            hidden = block.forward(config, &hidden, &rotation, &plan, &mut kv)?;
        }
        // 4. Final norm: (T, D).
        self.normed(&hidden)
    }

    /// Hidden states (R, D) -> logits (R, V), float32.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor, LmError> {
        Ok(hidden.f_linear(&self.output, None::<Tensor>)?.f_to_kind(Kind::Float)?)
    }

    /// Hidden states (R, D) -> the logits of `ids` only, (R, ids), float32. A scalar head has the id 0.
    pub(crate) fn logits_of(&self, hidden: &Tensor, ids: &[u32]) -> Result<Tensor, LmError> {
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let rows = self.output.f_index_select(0, &Tensor::f_from_slice(&ids)?.f_to_device(self.device)?)?;
        Ok(hidden.f_linear(&rows, None::<Tensor>)?.f_to_kind(Kind::Float)?)
    }

    fn normed(&self, hidden: &Tensor) -> Result<Tensor, LmError> {
        Ok(hidden.f_rms_norm([self.config.hidden_size], Some(&self.norm), self.config.rms_norm_eps)?)
    }
}

impl Block {
    fn load(loader: &mut Loader, config: &ModelConfig, layer: usize) -> Result<Block, LmError> {
        let name = |name: &str| format!("model.layers.{layer}.{name}");
        let projections = |kind: &str| ["q", "k", "v"].map(|p| name(&format!("self_attn.{p}_proj.{kind}")));
        let attention_norm = loader.tensor(&name("input_layernorm.weight"))?;
        let qkv_weight = loader.stacked(&projections("weight"))?;
        let qkv_bias = config.qkv_bias.then(|| loader.stacked(&projections("bias"))).transpose()?;
        let head_norm = match config.head_norm {
            true => Some(Block::load_head_norm(loader, config, &name("self_attn"))?),
            false => None,
        };
        let output_weight = loader.tensor(&name("self_attn.o_proj.weight"))?;
        let output_bias =
            config.output_bias.then(|| loader.tensor(&name("self_attn.o_proj.bias"))).transpose()?;
        Ok(Block {
            attention_norm,
            qkv_weight,
            qkv_bias,
            head_norm,
            output_weight,
            output_bias,
            mlp_norm: loader.tensor(&name("post_attention_layernorm.weight"))?,
            gate_up: loader.stacked(&[name("mlp.gate_proj.weight"), name("mlp.up_proj.weight")])?,
            down: loader.tensor(&name("mlp.down_proj.weight"))?,
        })
    }

    /// The scales of all query heads, then of all key heads: (E) and (E) -> (H + K, E).
    fn load_head_norm(loader: &mut Loader, config: &ModelConfig, prefix: &str) -> Result<Tensor, LmError> {
        let size = config.head_dim;
        let query = loader.tensor(&format!("{prefix}.q_norm.weight"))?;
        let key = loader.tensor(&format!("{prefix}.k_norm.weight"))?;
        let query = query.f_expand([config.num_attention_heads, size], false)?;
        let key = key.f_expand([config.num_key_value_heads, size], false)?;
        Ok(Tensor::f_cat(&[query, key], 0)?)
    }

    /// (T, D) -> (T, D); writes the new tokens' keys and values into this layer's slots.
    fn forward(
        &self,
        config: &ModelConfig,
        hidden: &Tensor,
        rotation: &Rotation,
        plan: &AttentionPlan,
        kv: &mut (&mut Tensor, &mut Tensor),
    ) -> Result<Tensor, LmError> {
        let (heads, kv_heads, size) =
            (config.num_attention_heads, config.num_key_value_heads, config.head_dim);
        let tokens = hidden.size()[0];
        // 1. Queries, keys and values: (T, D) -> (T, H + 2K, E).
        let normed =
            hidden.f_rms_norm([config.hidden_size], Some(&self.attention_norm), config.rms_norm_eps)?;
        let qkv = normed.f_linear(&self.qkv_weight, self.qkv_bias.as_ref())?.f_view([tokens, -1, size])?;
        let mut queries_and_keys = qkv.f_narrow(1, 0, heads + kv_heads)?;
        if let Some(scale) = &self.head_norm {
            let normed = queries_and_keys.f_rms_norm([size], None::<Tensor>, config.rms_norm_eps)?;
            queries_and_keys = normed.f_mul(scale)?;
        }
        let rotated = rotation.apply(&queries_and_keys)?;
        let queries = rotated.f_narrow(1, 0, heads)?;
        let keys = rotated.f_narrow(1, heads, kv_heads)?;
        let values = qkv.f_narrow(1, heads + kv_heads, kv_heads)?;
        // 2. Store keys and values: (T, K, E) each.
        let _ = kv.0.f_index_copy_(0, &plan.new_slots, &keys)?;
        let _ = kv.1.f_index_copy_(0, &plan.new_slots, &values)?;
        // 3. Attend: (T, H, E) -> (T, H * E) -> (T, D).
        let attended = plan.attend(&queries.f_contiguous()?, &LayerKv { keys: kv.0, values: kv.1 })?;
        let attended = attended
            .f_reshape([tokens, heads * size])?
            .f_linear(&self.output_weight, self.output_bias.as_ref())?;
        let hidden = hidden.f_add(&attended)?;
        // 4. Gated MLP: (T, D) -> (T, D).
        let normed = hidden.f_rms_norm([config.hidden_size], Some(&self.mlp_norm), config.rms_norm_eps)?;
        let gate_up = normed.f_linear(&self.gate_up, None::<Tensor>)?;
        let gate = gate_up.f_narrow(1, 0, config.intermediate_size)?.f_silu()?;
        let wide = gate.f_mul(&gate_up.f_narrow(1, config.intermediate_size, config.intermediate_size)?)?;
        Ok(hidden.f_add(&wide.f_linear(&self.down, None::<Tensor>)?)?)
    }
}
