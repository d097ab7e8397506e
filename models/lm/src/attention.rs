//! How the new tokens of a pass attend to the slots of their sequences.
//!
//! On the CPU a kernel serves sequences with a few new tokens ([`FEW`]), which is every row that is
//! decoded and nearly everything that is scored; it reads keys and values where they lie. Longer
//! stretches, and all on other devices, go by libtorch's operations ([`Cascade`]). Both read what
//! several sequences share once for all of them, and both are exact.

use std::collections::HashMap;
use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::LmError;
use crate::cpu::attention::{Plan, Store, attend};
use crate::cpu::block::Heads;
use crate::cpu::{Element, slice, slice_mut, with_element};
use cascade::Cascade;

mod cascade;
mod shared;

/// The most new tokens of a sequence that count as a few.
const FEW: usize = 32;

/// One sequence's part of a forward pass.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// Slots that every new token attends to. A trunk is mostly one range of them.
    pub(crate) trunks: Vec<Vec<Range<usize>>>,
    /// The other slots, the new tokens' last. New tokens attend to them causally.
    pub(crate) tail: Vec<i64>,
    /// How many of the tail's slots are new.
    pub(crate) new: usize,
}

/// Where the keys and values of one layer are.
pub(crate) struct LayerKv<'a> {
    /// Shape (slots, key-value heads, head size).
    pub(crate) keys: &'a mut Tensor,
    /// Shape (slots, key-value heads, head size).
    pub(crate) values: &'a mut Tensor,
}

/// How the tokens of a forward pass attend; the same for every layer.
pub(crate) struct AttentionPlan {
    /// Slots that the new tokens' keys and values go to, shape (tokens).
    pub(crate) new_slots: Tensor,
    kernel: Option<(Members, Plan)>,
    cascade: Option<(Members, Cascade)>,
}

/// Which tokens of the pass a part of the plan is for, ascending; `None` if it is for all.
type Members = Option<Tensor>;

impl AttentionPlan {
    /// Plans a pass over `spans`, whose new tokens are concatenated in order. `group` is the number
    /// of query heads per key-value head; `kind` the type of keys and values.
    pub(crate) fn new(
        spans: Vec<Span>,
        group: i64,
        device: Device,
        kind: Kind,
    ) -> Result<AttentionPlan, LmError> {
        let new_slots = spans.iter().flat_map(|span| &span.tail[span.tail.len() - span.new..]);
        let new_slots: Vec<i64> = new_slots.copied().collect();
        let mut token = 0;
        let (mut few, mut few_tokens, mut many, mut many_tokens) = (vec![], vec![], vec![], vec![]);
        for span in spans {
            let (spans, tokens) = match device == Device::Cpu && span.new <= FEW {
                true => (&mut few, &mut few_tokens),
                false => (&mut many, &mut many_tokens),
            };
            tokens.extend(token..token + span.new as i64);
            token += span.new as i64;
            spans.push(span);
        }
        let members = |tokens: &[i64], others: &[i64]| match others {
            [] => Ok(None),
            _ => index_tensor(tokens, device).map(Some),
        };
        let kernel = match few.is_empty() {
            true => None,
            false => Some((members(&few_tokens, &many_tokens)?, kernel_plan(few))),
        };
        let cascade = match many.is_empty() {
            true => None,
            false => Some((members(&many_tokens, &few_tokens)?, Cascade::new(&many, group, (device, kind))?)),
        };
        Ok(AttentionPlan { new_slots: index_tensor(&new_slots, device)?, kernel, cascade })
    }

    /// Attends: queries (tokens, query heads, head size), contiguous, and keys and values of all slots
    /// -> the same shape as the queries.
    pub(crate) fn attend(&self, queries: &Tensor, kv: &LayerKv) -> Result<Tensor, LmError> {
        let kernel = self.kernel.as_ref().map(|(members, plan)| {
            let part = part(queries, members)?;
            let mut output = part.f_empty_like()?;
            with_element!(part.kind(), kernel_attend(plan, &part, kv, &mut output))?;
            Ok::<_, LmError>((members, output))
        });
        let cascade = self.cascade.as_ref().map(|(members, cascade)| {
            let output = cascade.attend(&part(queries, members)?, kv)?;
            Ok((members, output))
        });
        let mut whole = None;
        for attended in kernel.into_iter().chain(cascade) {
            let (members, output) = attended?;
            let Some(members) = members else { return Ok(output) };
            let whole = whole.get_or_insert(queries.f_empty_like()?);
            let _ = whole.f_index_copy_(0, members, &output)?;
        }
        whole.ok_or_else(|| LmError::BatchFailed("a pass has no tokens".into()))
    }
}

/// The queries of some tokens.
fn part(queries: &Tensor, members: &Members) -> Result<Tensor, LmError> {
    match members {
        Some(members) => Ok(queries.f_index_select(0, members)?),
        None => Ok(queries.shallow_clone()),
    }
}

/// Groups tokens by what they attend to together.
fn kernel_plan(spans: Vec<Span>) -> Plan {
    let mut places = HashMap::new();
    let mut plan = Plan { trunks: Vec::new(), tails: Vec::new(), tokens: 0 };
    for span in spans {
        let new = plan.tokens..plan.tokens + span.new;
        plan.tokens = new.end;
        for trunk in span.trunks {
            let place = *places.entry(trunk.clone()).or_insert(plan.trunks.len());
            if place == plan.trunks.len() {
                plan.trunks.push((trunk, Vec::new()));
            }
            plan.trunks[place].1.extend(new.clone());
        }
        plan.tails.push((span.tail.into_iter().map(|slot| slot as usize).collect(), new));
    }
    shared::share(&mut plan);
    plan
}

fn kernel_attend<T: Element>(
    plan: &Plan,
    queries: &Tensor,
    kv: &LayerKv,
    output: &mut Tensor,
) -> Result<(), LmError> {
    let (_, heads, size) = queries.size3()?;
    let keys = kv.keys.size()[1];
    let heads = Heads { queries: heads as usize, keys: keys as usize, size: size as usize };
    let store = Store { keys: slice::<T>(kv.keys)?, values: slice::<T>(kv.values)? };
    attend(plan, slice(queries)?, &store, heads, slice_mut(output)?);
    Ok(())
}

/// Indices on a device.
fn index_tensor(values: &[i64], device: Device) -> Result<Tensor, LmError> {
    Ok(Tensor::f_from_slice(values)?.f_to_device(device)?)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// Two prompts, one of them shared; rows that decode, read several tokens, begin a long prompt, and go on
    /// from one answer.
    fn spans() -> Vec<Span> {
        let span = |trunks: &[(usize, usize)], tail: Vec<i64>, new| Span {
            trunks: trunks.iter().map(|&(from, to)| iter::once(from..to).collect()).collect(),
            tail,
            new,
        };
        vec![
            span(&[(1, 40)], vec![200, 201, 202], 1),
            span(&[(1, 40)], vec![210], 1),
            span(&[(1, 40), (50, 90)], vec![220, 221, 222, 223], 3),
            span(&[], (230..240).collect(), 10),
            span(&[(100, 180)], (240..280).collect(), 20),
            Span { trunks: vec![vec![1..30, 60..70]], tail: (300..336).collect(), new: 36 },
            span(&[], (350..390).collect(), 40),
            span(&[(1, 40)], (100..125).chain([391]).collect(), 1),
            span(&[(1, 40)], (100..130).chain(392..396).collect(), 4),
        ]
    }

    #[test]
    fn the_kernel_and_the_cascade_attend_alike() {
        for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 2e-2)] {
            for (heads, kv_heads, size) in [(4, 2, 64), (6, 1, 8), (3, 3, 128), (2, 1, 80)] {
                let spans = spans();
                let tokens: i64 = spans.iter().map(|span| span.new as i64).sum();
                let random = |shape: [i64; 3]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
                let queries = random([tokens, heads, size]).to_kind(kind);
                let (mut keys, mut values) = (
                    random([400, kv_heads, size]).to_kind(kind),
                    random([400, kv_heads, size]).to_kind(kind),
                );
                let kv = LayerKv { keys: &mut keys, values: &mut values };
                let cascade = Cascade::new(&spans, heads / kv_heads, (Device::Cpu, kind)).expect("a plan");
                let expected = cascade.attend(&queries, &kv).expect("attends").to_kind(Kind::Float);
                let plan = AttentionPlan::new(spans.clone(), heads / kv_heads, Device::Cpu, kind);
                let mixed = plan.expect("a plan").attend(&queries, &kv).expect("attends");
                assert!(mixed.to_kind(Kind::Float).allclose(&expected, tolerance, tolerance, false));
                let mut whole = queries.empty_like();
                let plan = kernel_plan(spans);
                with_element!(kind, kernel_attend(&plan, &queries, &kv, &mut whole)).expect("attends");
                assert!(whole.to_kind(Kind::Float).allclose(&expected, tolerance, tolerance, false));
            }
        }
    }
}
