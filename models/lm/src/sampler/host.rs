//! Drawing on the CPU: each row's exponentials once, then one search per draw.

use multiversion::multiversion;
use tch::Tensor;

use super::{Drawn, RowDraws, Sampling};
use crate::LmError;
use crate::cpu::native::for_rows;
use crate::cpu::{exp, slice};

/// Tokens whose weights are summed as one; a draw looks for its group first.
const GROUP: usize = 128;

/// Lanes of sums: a whole vector of the widest instruction set.
const LANES: usize = 16;

/// Logits that are worth a thread's start.
const GRAIN: usize = 64 * 1024;

/// See [`super::draw`].
pub(super) fn draw(logits: &Tensor, rows: &[RowDraws]) -> Result<Vec<Vec<Drawn>>, LmError> {
    let (_, vocabulary) = logits.size2()?;
    let vocabulary = vocabulary as usize;
    let logits = slice::<f32>(logits)?;
    let mut drawn: Vec<Vec<Drawn>> = vec![Vec::new(); rows.len()];
    for_rows(&mut drawn, 1, (GRAIN / vocabulary.max(1)).max(1), |first, drawn| {
        for (row, drawn) in drawn.iter_mut().enumerate() {
            let logits = &logits[(first + row) * vocabulary..][..vocabulary];
            *drawn = draw_row(logits, &rows[first + row]);
        }
    });
    Ok(drawn)
}

fn draw_row(logits: &[f32], draws: &RowDraws) -> Vec<Drawn> {
    let Sampling { temperature, top_p, top_k } = draws.sampling;
    let largest = logits.iter().fold(f32::NEG_INFINITY, |most, logit| most.max(*logit));
    let mut weights = vec![0f32; logits.len()];
    let plain = Groups::weigh(logits, (largest, 1.0), &mut weights);
    let log_sum = plain.total().ln();
    let drawn = |token: usize| Drawn {
        token: token as u32,
        log_probability: f64::from(logits[token] - largest) - log_sum,
    };
    let allows = |token: usize| draws.allowed.as_ref().is_none_or(|mask| mask.allows(token));
    if draws.most_probable {
        let order = likeliest(logits, allows, draws.uniforms.len());
        return order.into_iter().map(drawn).collect();
    }
    let best = match draws.allowed {
        None => largest,
        Some(_) => (0..logits.len())
            .filter(|token| allows(*token))
            .fold(f32::NEG_INFINITY, |most, token| most.max(logits[token])),
    };
    if temperature == 0.0 {
        let first = (0..logits.len()).position(|token| allows(token) && logits[token] == best).unwrap_or(0);
        return vec![drawn(first); draws.uniforms.len()];
    }
    let mut groups = match temperature == 1.0 && draws.allowed.is_none() {
        true => plain,
        false => Groups::weigh(logits, (best, 1.0 / temperature as f32), &mut weights),
    };
    if draws.allowed.is_some() {
        let excluded = weights.iter_mut().enumerate().filter(|(token, _)| !allows(*token));
        excluded.for_each(|(_, weight)| *weight = 0.0);
        groups = Groups::of(&weights);
    }
    if top_p < 1.0 || top_k > 0 {
        keep_likeliest(&mut weights, (top_p, top_k), groups.total());
        groups = Groups::of(&weights);
    }
    draws.uniforms.iter().map(|uniform| drawn(groups.find(&weights, *uniform))).collect()
}

/// The likeliest tokens that are allowed, first the likeliest; the last again where there are fewer.
fn likeliest(logits: &[f32], allows: impl Fn(usize) -> bool, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).filter(|token| allows(*token)).collect();
    let before = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, before);
        order.truncate(count);
    }
    order.sort_unstable_by(before);
    let last = order.last().copied().unwrap_or(0);
    order.resize(count, last);
    order
}

/// Sets the weights of all tokens to zero that top-k, then top-p exclude: top-p keeps the smallest set
/// of likeliest tokens whose share of what top-k left reaches it, as transformers does.
fn keep_likeliest(weights: &mut [f32], (top_p, top_k): (f64, u32), total: f64) {
    let mut order: Vec<u32> = (0..weights.len() as u32).collect();
    // Likeliest first, the lower token first of those alike.
    let before = |a: &u32, b: &u32| weights[*b as usize].total_cmp(&weights[*a as usize]).then(a.cmp(b));
    let keep = if top_k == 0 { order.len() } else { order.len().min(top_k as usize) };
    let mut total = total;
    if keep < order.len() {
        order.select_nth_unstable_by(keep, before);
        order.truncate(keep);
        total = order.iter().map(|token| f64::from(weights[*token as usize])).sum();
    }
    if top_p < 1.0 {
        order.sort_unstable_by(before);
        let mut sum = 0.0;
        let reached = order.iter().position(|token| {
            sum += f64::from(weights[*token as usize]);
            sum >= top_p * total
        });
        order.truncate(reached.map_or(order.len(), |last| last + 1));
    }
    let mut kept = vec![0f32; weights.len()];
    order.iter().for_each(|token| kept[*token as usize] = weights[*token as usize]);
    weights.copy_from_slice(&kept);
}

/// Running sums of weights, up to and with each group.
struct Groups(Vec<f64>);

impl Groups {
    /// Weights of tokens, `exp((logit - largest) * sharpness)`.
    fn weigh(logits: &[f32], (largest, sharpness): (f32, f32), weights: &mut [f32]) -> Groups {
        weigh(logits, largest, sharpness, weights);
        Groups::of(weights)
    }

    fn of(weights: &[f32]) -> Groups {
        let mut sum = 0.0;
        let groups = weights.chunks(GROUP).map(|group| {
            sum += f64::from(total(group));
            sum
        });
        Groups(groups.collect())
    }

    fn total(&self) -> f64 {
        self.0.last().copied().unwrap_or(0.0)
    }

    /// The first token at which the running sum exceeds this share of the total; never one without
    /// weight, unless none has any.
    fn find(&self, weights: &[f32], share: f64) -> usize {
        let wanted = share * self.total();
        let group = self.0.partition_point(|sum| *sum <= wanted).min(self.0.len().saturating_sub(1));
        let start = group * GROUP;
        let mut sum = if group == 0 { 0.0 } else { self.0[group - 1] };
        let mut last = None;
        for (offset, weight) in weights[start..].iter().take(GROUP).enumerate() {
            sum += f64::from(*weight);
            if *weight > 0.0 {
                last = Some(start + offset);
                if sum > wanted {
                    break;
                }
            }
        }
        // Rounding can leave the sum of single weights a little below that of their group.
        last.or_else(|| weights.iter().rposition(|weight| *weight > 0.0)).unwrap_or(0)
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn weigh(logits: &[f32], largest: f32, sharpness: f32, weights: &mut [f32]) {
    for (weight, logit) in weights.iter_mut().zip(logits) {
        *weight = exp((logit - largest) * sharpness);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn total(weights: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = weights.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, weight)| *lane += weight);
    }
    lanes.iter().sum::<f32>() + rest
}
