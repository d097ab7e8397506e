//! The small operations of a block: norms, the gate of the MLP, rotations.

use multiversion::multiversion;

use super::native::for_rows;
use super::{Element, exp};

/// Elements that are worth a thread's start.
const GRAIN: usize = 16 * 1024;

/// Lanes of sums: a whole vector of the widest instruction set.
const LANES: usize = 16;

/// Divides each row of `input` by its root mean square and scales it: rows (rows, scale's length) ->
/// `output`, of the same shape.
pub(crate) fn rms_norm<T: Element>(input: &[T], scale: &[T], epsilon: f32, output: &mut [T]) {
    let width = scale.len();
    for_rows(output, width, (GRAIN / width.max(1)).max(1), |first, output| {
        norm_rows(&input[first * width..][..output.len()], scale, epsilon, output);
    });
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn norm_rows<T: Element>(input: &[T], scale: &[T], epsilon: f32, output: &mut [T]) {
    let width = scale.len();
    for (input, output) in input.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
        let factor = inverse_rms(input, epsilon);
        for ((output, input), scale) in output.iter_mut().zip(input).zip(scale) {
            *output = T::store(input.load() * factor * scale.load());
        }
    }
}

/// One over the root mean square.
#[inline(always)]
fn inverse_rms<T: Element>(values: &[T], epsilon: f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|value| value.load() * value.load()).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value.load() * value.load();
        }
    }
    let mean = (lanes.iter().sum::<f32>() + rest) / values.len() as f32;
    1.0 / (mean + epsilon).sqrt()
}

/// The gated unit: rows of gate and up, (rows, 2 * width), -> `silu(gate) * up`, (rows, width).
pub(crate) fn gated<T: Element>(gate_up: &[T], width: usize, output: &mut [T]) {
    for_rows(output, width, (GRAIN / 4 / width.max(1)).max(1), |first, output| {
        gate_rows(&gate_up[2 * first * width..][..2 * output.len()], width, output);
    });
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn gate_rows<T: Element>(gate_up: &[T], width: usize, output: &mut [T]) {
    for (gate_up, output) in gate_up.chunks_exact(2 * width).zip(output.chunks_exact_mut(width)) {
        let (gate, up) = gate_up.split_at(width);
        for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
            let gate = gate.load();
            *output = T::store(gate / (1.0 + exp(-gate)) * up.load());
        }
    }
}

/// How the heads of a block's queries, keys and values lie.
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    /// Query heads.
    pub(crate) queries: usize,
    /// Key-value heads.
    pub(crate) keys: usize,
    /// Elements of a head.
    pub(crate) size: usize,
}

/// The rotation of every token: cosines and sines, (tokens, head size) each.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) cos: &'a [f32],
    pub(crate) sin: &'a [f32],
}

/// What queries and keys are normed with before they are rotated: the scales of all query heads, then of
/// all key heads, (heads, head size), and the epsilon.
pub(crate) type HeadNorm<'a, T> = Option<(&'a [T], f32)>;

/// Rotates the queries of `qkv`, (tokens, query heads + 2 key-value heads, head size), into `output`,
/// (tokens, query heads, head size).
pub(crate) fn rotate_queries<T: Element>(
    qkv: &[T],
    heads: Heads,
    turn: Turn,
    norm: HeadNorm<T>,
    output: &mut [T],
) {
    let (from, to) = ((heads.queries + 2 * heads.keys) * heads.size, heads.queries * heads.size);
    for_rows(output, to, (GRAIN / to.max(1)).max(1), |first, output| {
        for (row, output) in output.chunks_exact_mut(to).enumerate() {
            let token = first + row;
            let turn = turn.of(token, heads.size);
            rotate_heads(&qkv[token * from..][..to], turn, norm, output);
        }
    });
}

/// Rotates the keys of `qkv` into their slots of `keys`, (slots, key-value heads, head size), and copies
/// the values into `values`, of the same shape.
pub(crate) fn store_keys_and_values<T: Element>(
    qkv: &[T],
    heads: Heads,
    turn: Turn,
    norm: HeadNorm<T>,
    (slots, keys, values): (&[usize], &mut [T], &mut [T]),
) {
    let (queries, width) = (heads.queries * heads.size, heads.keys * heads.size);
    let norm = norm.map(|(scales, epsilon)| (&scales[queries..], epsilon));
    for (token, (slot, qkv)) in slots.iter().zip(qkv.chunks_exact(queries + 2 * width)).enumerate() {
        let place = slot * width..(slot + 1) * width;
        let turn = turn.of(token, heads.size);
        rotate_heads(&qkv[queries..queries + width], turn, norm, &mut keys[place.clone()]);
        values[place].copy_from_slice(&qkv[queries + width..]);
    }
}

impl<'a> Turn<'a> {
    fn of(self, token: usize, size: usize) -> Turn<'a> {
        Turn { cos: &self.cos[token * size..][..size], sin: &self.sin[token * size..][..size] }
    }
}

/// Rotates heads of one token by its angles; the halves of a head form the pairs.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn rotate_heads<T: Element>(input: &[T], turn: Turn, norm: HeadNorm<T>, output: &mut [T]) {
    let size = turn.cos.len();
    let half = size / 2;
    for (head, (input, output)) in input.chunks_exact(size).zip(output.chunks_exact_mut(size)).enumerate() {
        let factor = norm.map_or(1.0, |(_, epsilon)| inverse_rms(input, epsilon));
        let scale = norm.map(|(scales, _)| &scales[head * size..][..size]);
        let value = |at: usize| input[at].load() * factor * scale.map_or(1.0, |scale| scale[at].load());
        for at in 0..half {
            let (first, second) = (value(at), value(at + half));
            output[at] = T::store(first * turn.cos[at] - second * turn.sin[at]);
            output[at + half] = T::store(second * turn.cos[at + half] + first * turn.sin[at + half]);
        }
    }
}
