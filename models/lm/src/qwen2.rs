//! Qwen2: configuration, weights, block, attention, as in transformers' `modeling_qwen2.py`.
//!
//! Shapes: T tokens of all sequences of a pass, concatenated; D hidden; H query heads; K key-value
//! heads; E head size; V vocabulary.

use tch::{Device, Kind, Tensor};

use crate::attention::{AttentionPlan, LayerKv, Span};
use crate::kv::KvPool;
use crate::weights::Weights;
use crate::{LmError, ModelConfig};

/// A Qwen2 model on a device.
pub(crate) struct Qwen2 {
    pub(crate) config: ModelConfig,
    /// (V, D)
    embedding: Tensor,
    /// (V, D); the embedding where the weights are tied.
    output: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    /// (context, E), float32
    cos: Tensor,
    /// (context, E), float32
    sin: Tensor,
    device: Device,
    kind: Kind,
}

struct Block {
    attention_norm: Tensor,
    /// ((H + 2K) * E, D)
    qkv_weight: Tensor,
    qkv_bias: Tensor,
    /// (D, H * E)
    output_weight: Tensor,
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

impl Qwen2 {
    pub(crate) fn load(
        config: ModelConfig,
        bytes: &[u8],
        device: Device,
        kind: Kind,
    ) -> Result<Qwen2, LmError> {
        let weights = Weights::open(bytes, device, kind)?;
        let matrix = [config.vocab_size, config.hidden_size];
        let embedding = weights.get("model.embed_tokens.weight", &matrix)?;
        let output = match config.tie_word_embeddings {
            true => embedding.shallow_clone(),
            false => weights.get("lm_head.weight", &matrix)?,
        };
        let blocks = (0..config.num_hidden_layers)
            .map(|layer| Block::load(&weights, &config, layer))
            .collect::<Result<Vec<_>, _>>()?;
        let norm = weights.get("model.norm.weight", &[config.hidden_size])?;
        let (cos, sin) = rotations(&config, device)?;
        Ok(Qwen2 { config, embedding, output, blocks, norm, cos, sin, device, kind })
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of parameters, tied ones once.
    pub(crate) fn parameters(&self) -> u64 {
        let blocks = self.blocks.iter().flat_map(Block::tensors).map(Tensor::numel).sum::<usize>();
        let output = if self.config.tie_word_embeddings { 0 } else { self.output.numel() };
        (self.embedding.numel() + output + blocks + self.norm.numel()) as u64
    }

    /// Computes new tokens of several sequences and stores their keys and values in `pool`.
    /// Returns the final hidden states, shape (T, D), of the tokens in order.
    pub(crate) fn forward(&self, pool: &mut KvPool, batch: &[Extension]) -> Result<Tensor, LmError> {
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
        // 2. Rotations of these positions: (T, 1, E).
        let positions = Tensor::f_from_slice(&positions)?.f_to_device(self.device)?;
        let rotation = Rotation {
            cos: self.cos.f_index_select(0, &positions)?.f_unsqueeze(1)?.f_to_kind(self.kind)?,
            sin: self.sin.f_index_select(0, &positions)?.f_unsqueeze(1)?.f_to_kind(self.kind)?,
        };
        // 3. Blocks.
        for (layer, block) in self.blocks.iter().enumerate() {
            let mut kv = (&mut pool.keys[layer], &mut pool.values[layer]);
            hidden = block.forward(config, &hidden, &rotation, &plan, &mut kv)?;
        }
        // 4. Final norm: (T, D).
        self.normed(&hidden)
    }

    /// Hidden states (R, D) -> logits (R, V), float32.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor, LmError> {
        Ok(hidden.f_linear(&self.output, None::<Tensor>)?.f_to_kind(Kind::Float)?)
    }

    /// Hidden states (R, D) -> the logits of `ids` only, (R, ids), float32.
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
    fn load(weights: &Weights, config: &ModelConfig, layer: usize) -> Result<Block, LmError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let query = config.num_attention_heads * config.head_dim;
        let kv = config.num_key_value_heads * config.head_dim;
        let get = |name: &str, shape: &[i64]| weights.get(&format!("model.layers.{layer}.{name}"), shape);
        let projection =
            |name: &str, rows: i64| get(&format!("self_attn.{name}_proj.weight"), &[rows, hidden]);
        let bias = |name: &str, rows: i64| get(&format!("self_attn.{name}_proj.bias"), &[rows]);
        Ok(Block {
            attention_norm: get("input_layernorm.weight", &[hidden])?,
            qkv_weight: Tensor::f_cat(
                &[projection("q", query)?, projection("k", kv)?, projection("v", kv)?],
                0,
            )?,
            qkv_bias: Tensor::f_cat(&[bias("q", query)?, bias("k", kv)?, bias("v", kv)?], 0)?,
            output_weight: get("self_attn.o_proj.weight", &[hidden, query])?,
            mlp_norm: get("post_attention_layernorm.weight", &[hidden])?,
            gate_up: Tensor::f_cat(
                &[get("mlp.gate_proj.weight", &[wide, hidden])?, get("mlp.up_proj.weight", &[wide, hidden])?],
                0,
            )?,
            down: get("mlp.down_proj.weight", &[hidden, wide])?,
        })
    }

    fn tensors(&self) -> [&Tensor; 7] {
        let Block { attention_norm, qkv_weight, qkv_bias, output_weight, mlp_norm, gate_up, down } = self;
        [attention_norm, qkv_weight, qkv_bias, output_weight, mlp_norm, gate_up, down]
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
        let qkv = normed.f_linear(&self.qkv_weight, Some(&self.qkv_bias))?.f_view([tokens, -1, size])?;
        let rotated = rotation.apply(&qkv.f_narrow(1, 0, heads + kv_heads)?)?;
        let queries = rotated.f_narrow(1, 0, heads)?;
        let keys = rotated.f_narrow(1, heads, kv_heads)?;
        let values = qkv.f_narrow(1, heads + kv_heads, kv_heads)?;
        // 2. Store keys and values: (T, K, E) each.
        let _ = kv.0.f_index_copy_(0, &plan.new_slots, &keys)?;
        let _ = kv.1.f_index_copy_(0, &plan.new_slots, &values)?;
        // 3. Attend: (T, H, E) -> (T, H * E) -> (T, D).
        let attended = plan.attend(&queries.f_contiguous()?, &LayerKv { keys: kv.0, values: kv.1 })?;
        let attended =
            attended.f_reshape([tokens, heads * size])?.f_linear(&self.output_weight, None::<Tensor>)?;
        let hidden = hidden.f_add(&attended)?;
        // 4. Gated MLP: (T, D) -> (T, D).
        let normed = hidden.f_rms_norm([config.hidden_size], Some(&self.mlp_norm), config.rms_norm_eps)?;
        let gate_up = normed.f_linear(&self.gate_up, None::<Tensor>)?;
        let gate = gate_up.f_narrow(1, 0, config.intermediate_size)?.f_silu()?;
        let wide = gate.f_mul(&gate_up.f_narrow(1, config.intermediate_size, config.intermediate_size)?)?;
        Ok(hidden.f_add(&wide.f_linear(&self.down, None::<Tensor>)?)?)
    }
}

/// Rotary position embeddings of the tokens of a pass.
struct Rotation {
    cos: Tensor,
    sin: Tensor,
}

impl Rotation {
    /// Rotates (T, heads, E) by each token's angles; the halves of a head form the pairs.
    fn apply(&self, heads: &Tensor) -> Result<Tensor, LmError> {
        let half = heads.size()[2] / 2;
        let (first, second) = (heads.f_narrow(2, 0, half)?, heads.f_narrow(2, half, half)?);
        let turned = Tensor::f_cat(&[second.f_neg()?, first], 2)?;
        Ok(heads.f_mul(&self.cos)?.f_add(&turned.f_mul(&self.sin)?)?)
    }
}

/// Cosines and sines of every position: (context, E) each, float32.
fn rotations(config: &ModelConfig, device: Device) -> Result<(Tensor, Tensor), LmError> {
    let size = config.head_dim;
    let frequencies: Vec<f32> =
        (0..size / 2).map(|i| (1.0 / config.rope_theta.powf(2.0 * i as f64 / size as f64)) as f32).collect();
    let positions: Vec<f32> = (0..config.max_position_embeddings).map(|position| position as f32).collect();
    let angles = Tensor::f_from_slice(&positions)?.f_outer(&Tensor::f_from_slice(&frequencies)?)?;
    let angles = Tensor::f_cat(&[&angles, &angles], 1)?.f_to_device(device)?;
    Ok((angles.f_cos()?, angles.f_sin()?))
}
