//! Qwen2 and Qwen3 as a differentiable computation: block, attention, heads, as in transformers'
//! `modeling_qwen2.py` and `modeling_qwen3.py`. What one has and the other has not is an `Option`.
//!
//! Weights and the residual stream are float32; products and attention are computed in `kind`.
//!
//! Shapes: B rows of T tokens, N = B * T; W wanted tokens; D hidden; H query heads; K key-value heads; E head
//! size; F intermediate; V vocabulary.

use tch::{Device, Kind, Tensor};
use toolbeam_lm::{Head, ModelConfig, Rotary, Rotation};

use crate::TrainError;
use crate::batch::Batch;
use crate::parameters::{Parameters, head_name};

/// A model that can be differentiated.
pub(crate) struct Model {
    config: ModelConfig,
    /// (V, D)
    embedding: Tensor,
    blocks: Vec<Block>,
    /// (D)
    norm: Tensor,
    /// (V, D), the embedding where weights are tied, or (1, D)
    head: Tensor,
    rotary: Rotary,
    kind: Kind,
}

struct Block {
    /// (D)
    attention_norm: Tensor,
    /// ((H + 2K) * E, D)
    qkv: Tensor,
    /// ((H + 2K) * E)
    qkv_bias: Option<Tensor>,
    /// (E) for queries, (E) for keys
    head_norms: Option<(Tensor, Tensor)>,
    /// (D, H * E)
    output: Tensor,
    /// (D)
    output_bias: Option<Tensor>,
    /// (D)
    mlp_norm: Tensor,
    /// (2F, D): gate, then up
    gate_up: Tensor,
    /// (D, F)
    down: Tensor,
}

impl Model {
    /// A model over these parameters, of which it becomes the only user. Computes in `kind`.
    ///
    /// # Errors
    /// [`TrainError::Torch`] if a parameter is not there.
    pub(crate) fn new(
        config: &ModelConfig,
        parameters: &mut Parameters,
        (kind, device): (Kind, Device),
    ) -> Result<Model, TrainError> {
        let blocks = (0..config.num_hidden_layers)
            .map(|layer| Block::new(config, parameters, layer))
            .collect::<Result<Vec<_>, _>>()?;
        let embedding = parameters.leaf(&["model.embed_tokens.weight".to_owned()])?;
        let head = match config.head {
            Head::Vocabulary if config.tie_word_embeddings => embedding.shallow_clone(),
            Head::Vocabulary | Head::Scalar => parameters.leaf(&[head_name(config).to_owned()])?,
        };
        let norm = parameters.leaf(&["model.norm.weight".to_owned()])?;
        let rotary = Rotary::new(config, device)?;
        Ok(Model { config: config.clone(), embedding, blocks, norm, head, rotary, kind })
    }

    /// Final hidden states of a batch's wanted tokens: (W, D), float32.
    pub(crate) fn hidden(&self, batch: &Batch) -> Result<Tensor, TrainError> {
        // 1. Embed: (B, T) -> (N, D).
        let rows = batch.tokens.size()[0];
        let mut hidden = Tensor::f_embedding(&self.embedding, &batch.tokens, -1, false, false)?
            .f_view([-1, self.config.hidden_size])?;
        // 2. Rotations of the positions: (N, 1, E).
        let rotation = self.rotary.at(&batch.positions, Kind::Float)?;
        // 3. Blocks. Behind the last one's attention only what is wanted goes on: (W, D).
        let pass = Pass { config: &self.config, kind: self.kind, rows, rotation, mask: batch.mask.as_ref() };
        let last = self.blocks.len() - 1;
        for (layer, block) in self.blocks.iter().enumerate() {
            let wanted = (layer == last).then_some(&batch.wanted);
            hidden = block.forward(&pass, &hidden, wanted)?;
        }
        // 4. Final norm: (W, D).
        rms_norm(&hidden, &self.norm, self.config.rms_norm_eps)
    }

    /// Hidden states (W, D) -> logits (W, V), float32.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor, TrainError> {
        Ok(linear(&hidden.f_to_kind(self.kind)?, &self.head, None)?.f_to_kind(Kind::Float)?)
    }

    /// Hidden states (W, D) -> the logits of `ids` only, (W, ids), or of a scalar head the one number, (W, 1);
    /// products in float32, as where rewards are served.
    pub(crate) fn logits_of(&self, hidden: &Tensor, ids: &[u32]) -> Result<Tensor, TrainError> {
        if self.config.head == Head::Scalar {
            return Ok(hidden.f_linear(&self.head, None::<&Tensor>)?);
        }
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let ids = Tensor::f_from_slice(&ids)?.f_to_device(self.head.device())?;
        Ok(hidden.f_linear(&self.head.f_index_select(0, &ids)?, None::<&Tensor>)?)
    }

    /// The weight of the last product: (V, D), or (1, D).
    pub(crate) fn head(&self) -> &Tensor {
        &self.head
    }

    /// What it gives.
    pub(crate) fn readout(&self) -> Head {
        self.config.head
    }

    /// In which type products are computed, and where.
    pub(crate) fn options(&self) -> (Kind, Device) {
        (self.kind, self.embedding.device())
    }
}

/// What all blocks need of a batch.
struct Pass<'a> {
    config: &'a ModelConfig,
    kind: Kind,
    /// B
    rows: i64,
    rotation: Rotation,
    mask: Option<&'a Tensor>,
}

impl Block {
    fn new(config: &ModelConfig, parameters: &mut Parameters, layer: usize) -> Result<Block, TrainError> {
        let mut leaf = |names: &[&str]| {
            let names: Vec<String> =
                names.iter().map(|name| format!("model.layers.{layer}.{name}")).collect();
            parameters.leaf(&names)
        };
        let projections = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];
        let weights = projections.map(|name| format!("{name}.weight"));
        let biases = projections.map(|name| format!("{name}.bias"));
        Ok(Block {
            attention_norm: leaf(&["input_layernorm.weight"])?,
            qkv: leaf(&weights.each_ref().map(String::as_str))?,
            qkv_bias: match config.qkv_bias {
                true => Some(leaf(&biases.each_ref().map(String::as_str))?),
                false => None,
            },
            head_norms: match config.head_norm {
                true => Some((leaf(&["self_attn.q_norm.weight"])?, leaf(&["self_attn.k_norm.weight"])?)),
                false => None,
            },
            output: leaf(&["self_attn.o_proj.weight"])?,
            output_bias: match config.output_bias {
                true => Some(leaf(&["self_attn.o_proj.bias"])?),
                false => None,
            },
            mlp_norm: leaf(&["post_attention_layernorm.weight"])?,
            gate_up: leaf(&["mlp.gate_proj.weight", "mlp.up_proj.weight"])?,
            down: leaf(&["mlp.down_proj.weight"])?,
        })
    }

    /// (N, D) -> (N, D), or (W, D) for the tokens of `wanted` only.
    fn forward(&self, pass: &Pass, hidden: &Tensor, wanted: Option<&Tensor>) -> Result<Tensor, TrainError> {
        let epsilon = pass.config.rms_norm_eps;
        // 1. Attend: (N, D) -> (N, H * E).
        let normed = rms_norm(hidden, &self.attention_norm, epsilon)?.f_to_kind(pass.kind)?;
        let attended = self.attend(pass, &linear(&normed, &self.qkv, self.qkv_bias.as_ref())?)?;
        // 2. Project: (N, H * E) -> (W, D).
        let (attended, hidden) = match wanted {
            Some(wanted) => (attended.f_index_select(0, wanted)?, hidden.f_index_select(0, wanted)?),
            None => (attended, hidden.shallow_clone()),
        };
        let hidden = hidden.f_add(&linear(&attended, &self.output, self.output_bias.as_ref())?)?;
        // 3. Gated MLP: (W, D) -> (W, 2F) -> (W, F) -> (W, D).
        let normed = rms_norm(&hidden, &self.mlp_norm, epsilon)?.f_to_kind(pass.kind)?;
        let gate_up = linear(&normed, &self.gate_up, None)?;
        let parts = gate_up.f_chunk(2, 1)?;
        let gated = parts[0].f_silu()?.f_mul(&parts[1])?;
        Ok(hidden.f_add(&linear(&gated, &self.down, None)?)?)
    }

    /// (N, (H + 2K) * E) -> (N, H * E).
    fn attend(&self, pass: &Pass, qkv: &Tensor) -> Result<Tensor, TrainError> {
        let ModelConfig { num_attention_heads: heads, num_key_value_heads: kv, head_dim: size, .. } =
            *pass.config;
        let qkv = qkv.f_view([-1, heads + 2 * kv, size])?;
        let turned = match &self.head_norms {
            None => qkv.f_narrow(1, 0, heads + kv)?.f_to_kind(Kind::Float)?,
            Some((query, key)) => {
                let part = |start, count| qkv.f_narrow(1, start, count)?.f_to_kind(Kind::Float);
                let queries = rms_norm(&part(0, heads)?, query, pass.config.rms_norm_eps)?;
                Tensor::f_cat(&[queries, rms_norm(&part(heads, kv)?, key, pass.config.rms_norm_eps)?], 1)?
            }
        };
        let turned = pass.rotation.apply(&turned)?.f_to_kind(pass.kind)?; // (N, H + K, E)
        // (N, n, E) -> (B, n, T, E)
        let by_head =
            |heads: &Tensor| heads.f_view([pass.rows, -1, heads.size()[1], size])?.f_transpose(1, 2);
        let queries = by_head(&turned.f_narrow(1, 0, heads)?)?;
        let keys = repeated(&by_head(&turned.f_narrow(1, heads, kv)?)?, heads / kv)?;
        let values = repeated(&by_head(&qkv.f_narrow(1, heads + kv, kv)?)?, heads / kv)?;
        let attended = Tensor::f_scaled_dot_product_attention(
            &queries,
            &keys,
            &values,
            pass.mask,
            0.0,
            pass.mask.is_none(),
            None,
            false,
        )?;
        // (B, H, T, E) -> (N, H * E)
        Ok(attended.f_transpose(1, 2)?.f_reshape([-1, heads * size])?)
    }
}

/// (B, K, T, E) -> (B, K * times, T, E): each head as often.
fn repeated(heads: &Tensor, times: i64) -> Result<Tensor, TrainError> {
    if times == 1 {
        return Ok(heads.shallow_clone());
    }
    let [rows, count, length, size] = heads.size4()?.into();
    let repeated = heads.f_unsqueeze(2)?.f_expand([rows, count, times, length, size], false)?;
    Ok(repeated.f_reshape([rows, count * times, length, size])?)
}

/// A product in the type of its input.
fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TrainError> {
    let kind = input.kind();
    let bias = bias.map(|bias| bias.f_to_kind(kind)).transpose()?;
    Ok(input.f_linear(&weight.f_to_kind(kind)?, bias.as_ref())?)
}

/// (..., n) and (n) -> (..., n), float32.
fn rms_norm(input: &Tensor, scale: &Tensor, epsilon: f64) -> Result<Tensor, TrainError> {
    let mean = input.f_square()?.f_mean_dim(-1, true, Kind::Float)?;
    let factor = mean.f_add_scalar(epsilon)?.f_rsqrt()?;
    Ok(input.f_mul(&factor)?.f_mul(scale)?)
}
