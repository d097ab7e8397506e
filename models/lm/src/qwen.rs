//! Qwen2 and Qwen3: weights, block, attention, as in transformers' `modeling_qwen2.py` and
//! `modeling_qwen3.py`. What one has and the other has not is an `Option`.
//!
//! Shapes: T tokens of all sequences of a pass, concatenated (and rows that fill up the products, see
//! [`rows_for`]); D hidden; H query heads; K key-value
//! heads; E head size; V vocabulary.

use tch::{Device, Kind, Tensor};

use crate::attention::{AttentionPlan, LayerKv, Span};
use crate::config::Head;
use crate::fused::{Turning, gated, rms_norm, rotate_and_store};
use crate::kv::KvStore;
use crate::linear::{Linear, padded, row_counts, rows_for};
use crate::rotary::{Rotary, Rotation};
use crate::weights::Loader;
use crate::{LmError, ModelConfig};

/// The most bytes of an output weight that is held twice: packed for all logits, plain for some of them
/// and for the embedding. Part of the margin that loading a model may take beside its weights.
const SMALL_OUTPUT: usize = 32 << 20;

/// A Qwen model on a device.
pub(crate) struct Qwen {
    pub(crate) config: ModelConfig,
    /// (V, D)
    embedding: Tensor,
    /// D -> V, or to the one number of a scalar head.
    output: Linear,
    /// The same weight, for some rows of it; the embedding where the weights are tied.
    output_rows: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    rotary: Rotary,
    device: Device,
    kind: Kind,
}

struct Block {
    attention_norm: Tensor,
    /// D -> (H + 2K) * E
    qkv: Linear,
    /// (H + K, E): what scales each query and key head after it is normed.
    head_norm: Option<Tensor>,
    /// H * E -> D
    output: Linear,
    mlp_norm: Tensor,
    /// D -> 2 * intermediate: gate, then up.
    gate_up: Linear,
    /// intermediate -> D
    down: Linear,
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
        let output_rows = match config.head {
            Head::Vocabulary if config.tie_word_embeddings => embedding.shallow_clone(),
            Head::Vocabulary => loader.tensor("lm_head.weight")?,
            Head::Scalar => loader.tensor("score.weight")?,
        };
        let bytes = output_rows.numel() * kind.elt_size_in_bytes();
        let output = match bytes <= SMALL_OUTPUT {
            true => Linear::new(output_rows.shallow_clone(), None),
            false => Linear::plain(output_rows.shallow_clone(), None),
        };
        let blocks = (0..config.num_hidden_layers)
            .map(|layer| Block::load(loader, &config, layer))
            .collect::<Result<Vec<_>, _>>()?;
        let norm = loader.tensor("model.norm.weight")?;
        let rotary = Rotary::new(&config, device)?;
        Ok(Qwen { config, embedding, output, output_rows, blocks, norm, rotary, device, kind })
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Computes new tokens of several sequences and stores their keys and values in `store`. `wanted`
    /// are indices into the tokens in order; returns their final hidden states, shape (wanted, D).
    pub(crate) fn forward(
        &self,
        store: &mut KvStore,
        batch: Vec<Extension>,
        wanted: &[i64],
    ) -> Result<Tensor, LmError> {
        let tokens: Vec<i64> = batch.iter().flat_map(|e| e.tokens).map(|id| i64::from(*id)).collect();
        let positions: Vec<i64> =
            batch.iter().flat_map(|e| e.position..e.position + e.tokens.len()).map(|p| p as i64).collect();
        let spans: Vec<Span> = batch.into_iter().map(|extension| extension.span).collect();
        let group = self.config.num_attention_heads / self.config.num_key_value_heads;
        let plan = AttentionPlan::new(spans, group, self.device, self.kind)?;
        // 1. Embed: (T) -> (T, D). Up to `rows_for(T)` rows are added that nobody attends to.
        let count = tokens.len() as i64;
        let mut ids = tokens;
        ids.resize(rows_for(count, self.device) as usize, 0);
        let ids = Tensor::f_from_slice(&ids)?.f_to_device(self.device)?;
        let mut hidden = self.embedding.f_index_select(0, &ids)?;
        // 2. Rotations of these positions.
        let positions = Tensor::f_from_slice(&positions)?.f_to_device(self.device)?;
        let rotation = self.rotary.at(&positions, self.kind)?;
        // 3. Blocks. Behind the last one's attention only what is wanted goes on: (wanted, D).
        let rows = match wanted.iter().copied().eq(0..count) {
            true => None,
            false => {
                let mut rows = wanted.to_vec();
                rows.resize(rows_for(rows.len() as i64, self.device) as usize, 0);
                Some(Tensor::f_from_slice(&rows)?.f_to_device(self.device)?)
            }
        };
        let last = self.blocks.len() - 1;
        for (layer, block) in self.blocks.iter().enumerate() {
            let mut kv = LayerKv { keys: &mut store.keys[layer], values: &mut store.values[layer] };
            let rows = rows.as_ref().filter(|_| layer == last);
            hidden = block.forward(&self.config, &hidden, (&rotation, &plan), &mut kv, rows)?;
        }
        // 4. Final norm: (wanted, D).
        rms_norm(&hidden.f_narrow(0, 0, wanted.len() as i64)?, &self.norm, self.config.rms_norm_eps)
    }

    /// Computes with every weight once for each number of rows that it is given in small passes, so that
    /// no request waits for oneDNN to make the code of a product.
    pub(crate) fn warm_up(&self) -> Result<(), LmError> {
        if self.device != Device::Cpu {
            return Ok(());
        }
        // Blocks are alike, and so is their code.
        let block = &self.blocks[0];
        let options = (self.kind, self.device);
        for rows in row_counts() {
            let hidden = Tensor::f_zeros([rows, self.config.hidden_size], options)?;
            let attended = self.config.num_attention_heads * self.config.head_dim;
            let _ = block.qkv.apply(&hidden)?;
            let _ = block.output.apply_onto(&Tensor::f_zeros([rows, attended], options)?, &hidden)?;
            let _ = block.down.apply_onto(&gated(&block.gate_up.apply(&hidden)?)?, &hidden)?;
            if self.config.head == Head::Vocabulary && rows <= 64 {
                let _ = self.output.apply(&hidden)?;
            }
        }
        Ok(())
    }

    /// Hidden states (R, D) -> logits (R, V), float32.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor, LmError> {
        let count = hidden.size()[0];
        let hidden = padded(hidden, rows_for(count, self.device))?;
        Ok(self.output.apply(&hidden)?.f_narrow(0, 0, count)?.f_to_kind(Kind::Float)?)
    }

    /// Hidden states (R, D) -> the logits of `ids` only, (R, ids), float32. A scalar head has the id 0.
    pub(crate) fn logits_of(&self, hidden: &Tensor, ids: &[u32]) -> Result<Tensor, LmError> {
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let ids = Tensor::f_from_slice(&ids)?.f_to_device(self.device)?;
        let rows = self.output_rows.f_index_select(0, &ids)?.f_to_kind(Kind::Float)?;
        Ok(hidden.f_to_kind(Kind::Float)?.f_linear(&rows, None::<Tensor>)?)
    }
}

impl Block {
    fn load(loader: &mut Loader, config: &ModelConfig, layer: usize) -> Result<Block, LmError> {
        let name = |name: &str| format!("model.layers.{layer}.{name}");
        let projections = |kind: &str| ["q", "k", "v"].map(|p| name(&format!("self_attn.{p}_proj.{kind}")));
        let attention_norm = loader.tensor(&name("input_layernorm.weight"))?;
        let qkv = loader.stacked(&projections("weight"))?;
        let qkv_bias = config.qkv_bias.then(|| loader.stacked(&projections("bias"))).transpose()?;
        let qkv = Linear::new(qkv, qkv_bias);
        let head_norm = match config.head_norm {
            true => Some(Block::load_head_norm(loader, config, &name("self_attn"))?),
            false => None,
        };
        let output = loader.tensor(&name("self_attn.o_proj.weight"))?;
        let output_bias =
            config.output_bias.then(|| loader.tensor(&name("self_attn.o_proj.bias"))).transpose()?;
        let output = Linear::new(output, output_bias);
        let mlp_norm = loader.tensor(&name("post_attention_layernorm.weight"))?;
        let gate_up = loader.stacked(&[name("mlp.gate_proj.weight"), name("mlp.up_proj.weight")])?;
        let gate_up = Linear::new(gate_up, None);
        let down = Linear::new(loader.tensor(&name("mlp.down_proj.weight"))?, None);
        Ok(Block { attention_norm, qkv, head_norm, output, mlp_norm, gate_up, down })
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

    /// (T, D) -> (T, D), or (R, D) for the R tokens of `rows` only; writes all new tokens' keys and
    /// values into this layer's slots.
    fn forward(
        &self,
        config: &ModelConfig,
        hidden: &Tensor,
        (rotation, plan): (&Rotation, &AttentionPlan),
        kv: &mut LayerKv,
        rows: Option<&Tensor>,
    ) -> Result<Tensor, LmError> {
        let (heads, size, epsilon) = (config.num_attention_heads, config.head_dim, config.rms_norm_eps);
        // 1. Queries, keys and values: (T, D) -> (T, H + 2K, E).
        let normed = rms_norm(hidden, &self.attention_norm, epsilon)?;
        let qkv = self.qkv.apply(&normed)?.f_narrow(0, 0, plan.new_slots.size()[0])?;
        let qkv = qkv.f_view([-1, heads + 2 * config.num_key_value_heads, size])?;
        // 2. Rotate, and store keys and values: (T, H + 2K, E) -> (T, H, E).
        let norm = self.head_norm.as_ref().map(|scale| (scale, epsilon));
        let turning = Turning { rotation, norm, heads: (heads, config.num_key_value_heads) };
        let queries = rotate_and_store(&qkv, &turning, &plan.new_slots, kv)?;
        if rows.is_some_and(|rows| rows.numel() == 0) {
            return Ok(hidden.f_narrow(0, 0, 0)?);
        }
        // 3. Attend: (T, H, E) -> (T, H * E) -> (R, H * E).
        let attended = plan.attend(&queries, kv)?.f_view([-1, heads * size])?;
        let (attended, hidden) = match rows {
            Some(rows) => (attended.f_index_select(0, rows)?, hidden.f_index_select(0, rows)?),
            None => (padded(&attended, hidden.size()[0])?, hidden.shallow_clone()),
        };
        // 4. Project: (R, H * E) -> (R, D).
        let hidden = self.output.apply_onto(&attended, &hidden)?;
        // 5. Gated MLP: (R, D) -> (R, D).
        let normed = rms_norm(&hidden, &self.mlp_norm, epsilon)?;
        self.down.apply_onto(&gated(&self.gate_up.apply(&normed)?)?, &hidden)
    }
}
