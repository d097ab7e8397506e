//! Which tokens attend together.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use super::{FEW, Merge, Padded, Span, Tail, Trunk};
use crate::LmError;
use crate::kv::PADDING_SLOT;

/// Groups tokens by the trunks that they attend to.
pub(super) fn trunks(
    spans: &[Span],
    starts: &[i64],
    total: i64,
    device: Device,
) -> Result<Vec<Trunk>, LmError> {
    let mut places = HashMap::new();
    let mut trunks: Vec<Trunk> = Vec::new();
    for (span, start) in spans.iter().zip(starts) {
        for slots in &span.trunks {
            let place = *places.entry(slots).or_insert(trunks.len());
            if place == trunks.len() {
                trunks.push(Trunk { slots: slots.clone(), tokens: Vec::new(), index: None });
            }
            trunks[place].tokens.extend(*start..*start + span.new as i64);
        }
    }
    for trunk in &mut trunks {
        if trunk.tokens.len() as i64 != total {
            trunk.index = Some(index_tensor(&trunk.tokens, device)?);
        }
    }
    Ok(trunks)
}

/// Which rows of the parts belong to which token: those of the tails, whose tokens are `tails`, then
/// those of the trunks.
pub(super) fn merge(tails: &[i64], trunks: &[Trunk], device: Device) -> Result<Merge, LmError> {
    if trunks.is_empty() && tails.is_sorted() {
        return Ok(Merge::InOrder);
    }
    let mut rows: Vec<Vec<i64>> = vec![Vec::new(); tails.len()];
    let all = tails.iter().chain(trunks.iter().flat_map(|trunk| &trunk.tokens));
    let mut count = 0;
    for (row, token) in all.enumerate() {
        rows[*token as usize].push(row as i64);
        count = row as i64 + 1;
    }
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    rows.iter_mut().for_each(|rows| rows.resize(most, count));
    let rows = index_tensor(&rows.concat(), device)?;
    Ok(if most == 1 { Merge::One(rows) } else { Merge::Several { rows, most: most as i64 } })
}

/// Puts tails of like length together: those of [`FEW`] new tokens padded into a batch, longer ones by themselves. The
/// tokens of their rows, in order.
pub(super) fn tails(
    spans: &[Span],
    starts: &[i64],
    group: i64,
    options: (Device, Kind),
) -> Result<(Vec<Tail>, Vec<i64>), LmError> {
    let mut tails = Vec::new();
    let mut tokens = Vec::new();
    let mut buckets: [Vec<usize>; 3] = Default::default();
    for (index, span) in spans.iter().enumerate() {
        if span.new > FEW && span.new == span.tail.len() {
            let (first, len) = (starts[index], span.new as i64);
            tokens.extend(first..first + len);
            tails.push(Tail::Causal { first, len, slots: index_tensor(&span.tail, options.0)? });
        } else if span.new > FEW {
            tails.push(pad(&[index], spans, starts, group, options)?);
            tokens.extend(starts[index]..starts[index] + span.new as i64);
        } else {
            let bucket = if span.new <= 1 {
                0
            } else if span.new <= FEW / 4 {
                1
            } else {
                2
            };
            buckets[bucket].push(index);
        }
    }
    for bucket in buckets.iter().filter(|bucket| !bucket.is_empty()) {
        tails.push(pad(bucket, spans, starts, group, options)?);
        tokens.extend(
            bucket.iter().flat_map(|index| starts[*index]..starts[*index] + spans[*index].new as i64),
        );
    }
    Ok((tails, tokens))
}

fn pad(
    members: &[usize],
    spans: &[Span],
    starts: &[i64],
    group: i64,
    (device, kind): (Device, Kind),
) -> Result<Tail, LmError> {
    let new = members.iter().map(|m| spans[*m].new).max().unwrap_or(0);
    let len = members.iter().map(|m| spans[*m].tail.len()).max().unwrap_or(0);
    let rows = members.len();
    let mut queries = vec![0i64; rows * new];
    let mut slots = vec![PADDING_SLOT as i64; rows * len];
    let mut mask = vec![f32::NEG_INFINITY; rows * new * len];
    let mut valid = Vec::new();
    for (row, member) in members.iter().enumerate() {
        let span = &spans[*member];
        slots[row * len..row * len + span.tail.len()].copy_from_slice(&span.tail);
        for query in 0..new {
            let real = query < span.new;
            if real {
                queries[row * new + query] = starts[*member] + query as i64;
                valid.push((row * new + query) as i64);
            }
            // Padding queries see one slot, so that their softmax is finite.
            let visible = if real { span.tail.len() - span.new + query + 1 } else { 1 };
            let start = (row * new + query) * len;
            mask[start..start + visible].fill(0.0);
        }
    }
    let mask = Tensor::f_from_slice(&mask)?
        .f_view([rows as i64, 1, new as i64, 1, len as i64])?
        .f_expand([rows as i64, 1, new as i64, group, len as i64], false)?
        .f_reshape([rows as i64, 1, new as i64 * group, len as i64])?
        .f_to_device(device)?
        .f_to_kind(kind)?;
    Ok(Tail::Padded(Padded {
        queries: index_tensor(&queries, device)?,
        slots: index_tensor(&slots, device)?,
        mask,
        valid: index_tensor(&valid, device)?,
        sequences: rows as i64,
        new: new as i64,
    }))
}

/// Indices on a device.
pub(super) fn index_tensor(values: &[i64], device: Device) -> Result<Tensor, LmError> {
    Ok(Tensor::f_from_slice(values)?.f_to_device(device)?)
}
