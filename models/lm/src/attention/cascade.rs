//! Attention by libtorch's operations: cascade attention, after FlashInfer's multi-level form.
//!
//! Each query attends to several parts: *trunks*, stretches of slots that many sequences share and
//! that are read once for all of them, and its own *tail*. The parts are merged by their log-sum-exp,
//! which is exact: softmax over a union is the mixture of the softmaxes over its parts.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use super::{FEW, LayerKv, Span};
use crate::LmError;

mod plan;

/// How tokens attend; the same for every layer.
pub(super) struct Cascade {
    tails: Vec<Tail>,
    trunks: Vec<Trunk>,
    merge: Merge,
}

/// Queries that attend to the same stretch of slots.
struct Trunk {
    slots: Vec<Range<usize>>,
    tokens: Vec<i64>,
    /// The tokens as an index; `None` if it is all tokens in order.
    index: Option<Tensor>,
}

/// How the parts, concatenated, make up the tokens.
enum Merge {
    /// They are the tokens.
    InOrder,
    /// Each token has one part: rows, shape (tokens).
    One(Tensor),
    /// Rows, shape (tokens * `most`). Tokens with fewer parts than `most` point to a row behind the last.
    Several { rows: Tensor, most: i64 },
}

enum Tail {
    /// One long sequence that attends to its own new tokens only.
    Causal { first: i64, len: i64, slots: Tensor },
    /// Several short ones together.
    Padded(Padded),
}

/// Short sequences, padded to (sequences, new tokens) and (sequences, slots).
struct Padded {
    queries: Tensor,
    slots: Tensor,
    mask: Tensor,
    valid: Tensor,
    sequences: i64,
    new: i64,
}

impl Cascade {
    /// Plans a pass over `spans`, whose new tokens are concatenated in order. `group` is the number
    /// of query heads per key-value head; `kind` the type of the additive masks.
    pub(super) fn new(
        spans: &[Span],
        group: i64,
        (device, kind): (Device, Kind),
    ) -> Result<Cascade, LmError> {
        let mut starts = Vec::with_capacity(spans.len());
        let mut total = 0i64;
        for span in spans {
            starts.push(total);
            total += span.new as i64;
        }
        let (tails, order) = plan::tails(spans, &starts, group, (device, kind))?;
        let trunks = plan::trunks(spans, &starts, total, device)?;
        let merge = plan::merge(&order, &trunks, device)?;
        Ok(Cascade { tails, trunks, merge })
    }

    /// Attends: queries (tokens, query heads, head size), keys and values of all slots -> the same
    /// shape as the queries.
    pub(super) fn attend(&self, queries: &Tensor, kv: &LayerKv) -> Result<Tensor, LmError> {
        let (_, heads, size) = queries.size3()?;
        let kv_heads = kv.keys.size()[1];
        let shape = Heads { kv_heads, group: heads / kv_heads, size };
        let tails = self.tails.iter().map(|tail| tail.attend(queries, kv, &shape));
        let trunks = self.trunks.iter().map(|trunk| trunk.attend(queries, kv, &shape));
        self.merge.apply(tails.chain(trunks).collect::<Result<_, _>>()?)
    }
}

struct Heads {
    kv_heads: i64,
    group: i64,
    size: i64,
}

/// Attention over some of the keys.
struct Part {
    /// Shape (tokens, query heads, head size).
    output: Tensor,
    /// Shape (tokens, query heads), float32.
    log_sum_exp: Tensor,
}

impl Merge {
    /// Parts -> (tokens, query heads, head size).
    fn apply(&self, parts: Vec<Part>) -> Result<Tensor, LmError> {
        let (mut outputs, mut sums): (Vec<_>, Vec<_>) =
            parts.into_iter().map(|part| (part.output, part.log_sum_exp)).unzip();
        if let Merge::Several { .. } = self {
            outputs.push(outputs[0].f_narrow(0, 0, 1)?.f_zeros_like()?);
            sums.push(sums[0].f_narrow(0, 0, 1)?.f_full_like(f64::NEG_INFINITY)?);
        }
        let output = if outputs.len() == 1 { outputs.remove(0) } else { Tensor::f_cat(&outputs, 0)? };
        let (rows, most) = match self {
            Merge::InOrder => return Ok(output),
            Merge::One(rows) => return Ok(output.f_index_select(0, rows)?),
            Merge::Several { rows, most } => (rows, *most),
        };
        let (_, heads, size) = output.size3()?;
        // (R, H) -> (T, most, H, 1): the weight of each part.
        let sums = Tensor::f_cat(&sums, 0)?.f_index_select(0, rows)?.f_view([-1, most, heads, 1])?;
        let weights = sums.f_softmax(1, Kind::Float)?.f_to_kind(output.kind())?;
        // (R, H, E) -> (T, most, H, E) -> (T, H, E)
        let output = output.f_index_select(0, rows)?.f_view([-1, most, heads, size])?;
        Ok(output.f_mul(&weights)?.f_sum_dim_intlist(1i64, false, None)?)
    }
}

impl Trunk {
    fn attend(&self, queries: &Tensor, kv: &LayerKv, shape: &Heads) -> Result<Part, LmError> {
        let Heads { kv_heads, group, size } = *shape;
        let tokens = self.tokens.len() as i64;
        let queries = match &self.index {
            Some(index) => queries.f_index_select(0, index)?,
            None => queries.shallow_clone(),
        };
        // (T, H, E) -> (1, K, T*G, E): the query heads of a group become queries of their shared head.
        let folded = queries
            .f_view([tokens, kv_heads, group, size])?
            .f_permute([1, 0, 2, 3])?
            .f_reshape([1, kv_heads, tokens * group, size])?;
        let slots = |all: &Tensor| -> Result<Tensor, LmError> {
            let pieces =
                self.slots.iter().map(|piece| all.f_narrow(0, piece.start as i64, piece.len() as i64));
            let mut pieces = pieces.collect::<Result<Vec<_>, _>>()?;
            let whole = if pieces.len() == 1 { pieces.remove(0) } else { Tensor::f_cat(&pieces, 0)? };
            Ok(whole.f_permute([1, 0, 2])?.f_unsqueeze(0)?) // (1, K, P, E)
        };
        let (output, sum) = attention(&folded, &slots(kv.keys)?, &slots(kv.values)?, None, false)?;
        Ok(Part {
            output: output.f_view([kv_heads, tokens, group, size])?.f_permute([1, 0, 2, 3])?.f_reshape([
                tokens,
                kv_heads * group,
                size,
            ])?,
            log_sum_exp: sum
                .f_reshape([kv_heads, tokens, group])?
                .f_permute([1, 0, 2])?
                .f_reshape([tokens, kv_heads * group])?,
        })
    }
}

impl Tail {
    fn attend(&self, queries: &Tensor, kv: &LayerKv, shape: &Heads) -> Result<Part, LmError> {
        match self {
            Tail::Causal { first, len, slots } => {
                causal(&queries.f_narrow(0, *first, *len)?, slots, kv, shape)
            }
            Tail::Padded(padded) => padded.attend(queries, kv, shape),
        }
    }
}

impl Padded {
    fn attend(&self, all: &Tensor, kv: &LayerKv, shape: &Heads) -> Result<Part, LmError> {
        let Padded { queries, slots, mask, valid, sequences, new } = self;
        let Heads { kv_heads, group, size } = *shape;
        let (b, n) = (*sequences, *new);
        // (T, H, E) -> (B, K, n*G, E)
        let folded = all
            .f_index_select(0, queries)?
            .f_view([b, n, kv_heads, group, size])?
            .f_permute([0, 2, 1, 3, 4])?
            .f_reshape([b, kv_heads, n * group, size])?;
        let gather = |all: &Tensor| -> Result<Tensor, LmError> {
            Ok(all.f_index_select(0, slots)?.f_view([b, -1, kv_heads, size])?.f_permute([0, 2, 1, 3])?) // (B, K, L, E)
        };
        let (output, sum) = attention(&folded, &gather(kv.keys)?, &gather(kv.values)?, Some(mask), false)?;
        let output = output.f_view([b, kv_heads, n, group, size])?.f_permute([0, 2, 1, 3, 4])?;
        let sum = sum.f_reshape([b, kv_heads, n, group])?.f_permute([0, 2, 1, 3])?;
        Ok(Part {
            output: output.f_reshape([b * n, kv_heads * group, size])?.f_index_select(0, valid)?,
            log_sum_exp: sum.f_reshape([b * n, kv_heads * group])?.f_index_select(0, valid)?,
        })
    }
}

/// Causal attention of a sequence's new tokens to themselves: queries (n, H, E).
fn causal(queries: &Tensor, slots: &Tensor, kv: &LayerKv, shape: &Heads) -> Result<Part, LmError> {
    let Heads { kv_heads, group, size } = *shape;
    let n = queries.size()[0];
    let queries = queries.f_permute([1, 0, 2])?.f_unsqueeze(0)?; // (1, H, n, E)
    let expand = |all: &Tensor| -> Result<Tensor, LmError> {
        Ok(all
            .f_index_select(0, slots)?
            .f_permute([1, 0, 2])?
            .f_unsqueeze(1)?
            .f_expand([kv_heads, group, n, size], false)?
            .f_reshape([1, kv_heads * group, n, size])?) // (1, H, n, E)
    };
    let (output, sum) = attention(&queries, &expand(kv.keys)?, &expand(kv.values)?, None, true)?;
    Ok(Part {
        output: output.f_squeeze_dim(0)?.f_permute([1, 0, 2])?.f_contiguous()?,
        log_sum_exp: sum.f_reshape([kv_heads * group, n])?.f_transpose(0, 1)?.f_contiguous()?,
    })
}

/// Softmax attention: queries (B, H, q, E), keys and values (B, H, k, E), an additive mask that
/// broadcasts to (B, H, q, k) -> output (B, H, q, E), log-sum-exp (B, H, q) in float32.
fn attention(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
) -> Result<(Tensor, Tensor), LmError> {
    if queries.device() == Device::Cpu {
        let (output, sum) = Tensor::f_internal_scaled_dot_product_flash_attention_for_cpu(
            queries, keys, values, 0.0, causal, mask, None,
        )?;
        return Ok((output.f_contiguous()?, sum.f_to_kind(Kind::Float)?.f_contiguous()?));
    }
    let scale = (queries.size()[3] as f64).powf(-0.5);
    let mut scores =
        queries.f_matmul(&keys.f_transpose(-1, -2)?)?.f_to_kind(Kind::Float)?.f_mul_scalar(scale)?;
    if let Some(mask) = mask {
        scores = scores.f_add(mask)?;
    }
    if causal {
        let (q, k) = (queries.size()[2], keys.size()[2]);
        let future = Tensor::f_ones([q, k], (Kind::Bool, queries.device()))?.f_triu(1)?;
        scores = scores.f_masked_fill(&future, f64::NEG_INFINITY)?;
    }
    let sum = scores.f_logsumexp([-1], true)?;
    let weights = scores.f_sub(&sum)?.f_exp()?.f_to_kind(values.kind())?;
    Ok((weights.f_matmul(values)?, sum.f_squeeze_dim(-1)?))
}
