//! Drawing by libtorch's operations, where logits lie on a device.

use tch::{Kind, Tensor};

use super::{Drawn, RowDraws, Sampling};
use crate::LmError;

/// See [`super::draw`].
pub(super) fn draw(logits: &Tensor, rows: &[RowDraws]) -> Result<Vec<Vec<Drawn>>, LmError> {
    let logits = logits.f_to_kind(Kind::Float)?;
    let (count, _) = logits.size2()?;
    let device = logits.device();
    let width = rows.iter().map(|row| row.uniforms.len()).max().unwrap_or(0).max(1);
    let allowed = mask(&logits, rows)?;
    let logits = filter(&logits, &allowed, rows)?;
    let scaled = {
        // Greedy rows are replaced below; 1 keeps them finite until then.
        let temperatures: Vec<f64> = rows
            .iter()
            .map(|row| if row.sampling.temperature > 0.0 { row.sampling.temperature } else { 1.0 })
            .collect();
        let divisor = Tensor::f_from_slice(&temperatures)?.f_unsqueeze(1)?.f_to_device(device)?;
        logits.filtered.f_to_kind(Kind::Double)?.f_div(&divisor)?
    };
    let cumulative = scaled.f_softmax(-1, Kind::Double)?.f_cumsum(-1, Kind::Double)?;
    let total = cumulative.f_narrow(1, -1, 1)?;
    let mut uniforms = vec![0.0f64; count as usize * width];
    for (row, draws) in uniforms.chunks_mut(width).zip(rows) {
        row[..draws.uniforms.len()].copy_from_slice(&draws.uniforms);
    }
    let uniforms = Tensor::f_from_slice(&uniforms)?.f_view([count, width as i64])?.f_to_device(device)?;
    let sampled = uniforms
        .f_mul(&total)?
        .f_searchsorted(&cumulative, false, true, "right", None::<Tensor>)?
        .f_clamp_max(cumulative.size()[1] - 1)?;
    let greedy_rows: Vec<bool> = rows.iter().map(|row| row.sampling.temperature == 0.0).collect();
    let greedy_rows = Tensor::f_from_slice(&greedy_rows)?.f_unsqueeze(1)?.f_to_device(device)?;
    let ranked = ranked(&allowed, rows, width)?;
    let greedy = allowed.f_argmax(-1, true)?.f_expand([count, width as i64], false)?;
    let tokens = greedy.f_where_self(&greedy_rows, &sampled)?;
    let tokens = match ranked {
        Some((ranked, rows)) => ranked.f_where_self(&rows, &tokens)?,
        None => tokens,
    };
    let log_probabilities = logits.raw.f_log_softmax(-1, Kind::Double)?.f_gather(1, &tokens, false)?;
    // Token ids are exact in a double, so that both travel in one copy.
    let both = Tensor::f_stack(&[tokens.f_to_kind(Kind::Double)?, log_probabilities], 0)?;
    let host: Vec<f64> = Vec::try_from(both.f_flatten(0, -1)?)?;
    let (tokens, log_probabilities) = host.split_at(count as usize * width);
    let rows = rows.iter().zip(tokens.chunks(width).zip(log_probabilities.chunks(width)));
    Ok(rows
        .map(|(row, (tokens, logs))| {
            let drawn = tokens.iter().zip(logs).take(row.uniforms.len());
            drawn.map(|(token, log)| Drawn { token: *token as u32, log_probability: *log }).collect()
        })
        .collect())
}

/// The `width` likeliest tokens of each row, the last again where fewer are allowed, and which rows want them;
/// `None` if none does.
fn ranked(allowed: &Tensor, rows: &[RowDraws], width: usize) -> Result<Option<(Tensor, Tensor)>, LmError> {
    let wanted: Vec<bool> = rows.iter().map(|row| row.most_probable).collect();
    if !wanted.contains(&true) {
        return Ok(None);
    }
    let device = allowed.device();
    let most = (width as i64).min(allowed.size()[1]);
    let (values, ids) = allowed.f_topk(most, 1, true, true)?;
    // How many of them are allowed, at least one.
    let finite = values.f_isfinite()?.f_sum_dim_intlist(1i64, true, Kind::Int64)?.f_clamp_min(1)?;
    let places = Tensor::f_arange(width as i64, (Kind::Int64, device))?.f_unsqueeze(0)?;
    let places = places.f_minimum(&finite.f_sub_scalar(1)?)?;
    let tokens = ids.f_gather(1, &places.f_expand([rows.len() as i64, width as i64], false)?, false)?;
    let wanted = Tensor::f_from_slice(&wanted)?.f_unsqueeze(1)?.f_to_device(device)?;
    Ok(Some((tokens, wanted)))
}

struct Filtered<'a> {
    raw: &'a Tensor,
    filtered: Tensor,
}

/// Applies top-k and top-p to logits without what is not allowed: (rows, vocabulary) -> the same with excluded tokens at minus
/// infinity. top-p looks at the distribution after temperature and top-k, as transformers does.
fn filter<'a>(raw: &'a Tensor, logits: &Tensor, rows: &[RowDraws]) -> Result<Filtered<'a>, LmError> {
    let mut filtered = logits.shallow_clone();
    let vocabulary = logits.size()[1];
    for (index, row) in rows.iter().enumerate() {
        let Sampling { temperature, top_p, top_k } = row.sampling;
        let keep = if top_k == 0 { vocabulary } else { i64::from(top_k).min(vocabulary) };
        if temperature == 0.0 || (top_p >= 1.0 && keep == vocabulary) {
            continue;
        }
        let (values, ids) = logits.f_get(index as i64)?.f_topk(keep, 0, true, true)?;
        let probabilities =
            values.f_to_kind(Kind::Double)?.f_div_scalar(temperature)?.f_softmax(0, Kind::Double)?;
        let before = probabilities.f_cumsum(0, Kind::Double)?.f_sub(&probabilities)?;
        let kept = before.f_lt(top_p)?.f_count_nonzero(None)?.f_int64_value(&[])?.max(1);
        let ids = ids.f_narrow(0, 0, kept)?;
        let row = Tensor::f_full([vocabulary], f64::NEG_INFINITY, (Kind::Float, logits.device()))?
            .f_index_copy(0, &ids, &values.f_narrow(0, 0, kept)?)?;
        let position = Tensor::f_from_slice(&[index as i64])?.f_to_device(logits.device())?;
        filtered = filtered.f_index_copy(0, &position, &row.f_unsqueeze(0)?)?;
    }
    Ok(Filtered { raw, filtered })
}

/// Logits (rows, vocabulary) with those at minus infinity that a row does not allow.
fn mask(logits: &Tensor, rows: &[RowDraws]) -> Result<Tensor, LmError> {
    if rows.iter().all(|row| row.allowed.is_none()) {
        return Ok(logits.shallow_clone());
    }
    let vocabulary = logits.size()[1];
    let excluded: Vec<bool> = rows
        .iter()
        .flat_map(|row| {
            let excludes = |token| row.allowed.as_ref().is_some_and(|mask| !mask.allows(token));
            (0..vocabulary as usize).map(excludes)
        })
        .collect();
    let excluded = Tensor::f_from_slice(&excluded)?.f_view([rows.len() as i64, vocabulary])?;
    Ok(logits.f_masked_fill(&excluded.f_to_device(logits.device())?, f64::NEG_INFINITY)?)
}
