//! Queries over a few keys and values at a time.

use super::Store;
use crate::cpu::{Element, exp};

/// Keys that are looked at together.
pub(super) const BLOCK: usize = 32;

/// Lanes of sums: a whole vector of the widest instruction set.
const LANES: usize = 16;

/// So many rows that look at the same keys are worth turning them, so that scores come by lanes.
const MANY_ROWS: usize = 16;

/// The queries of some tokens that share a key-value head, while they attend.
pub(super) struct Queries<'a> {
    /// (rows, head size), scaled.
    queries: Vec<f32>,
    /// The largest score of each row so far.
    largest: Vec<f32>,
    /// The sum of each row's weights so far.
    sums: Vec<f32>,
    /// The weighted sum of values so far, (rows, head size).
    outputs: &'a mut [f32],
}

impl<'a> Queries<'a> {
    /// Queries, (rows, head size), that have not attended to anything; `outputs`, of the same shape, are
    /// zeros.
    pub(super) fn new(queries: Vec<f32>, size: usize, outputs: &'a mut [f32]) -> Queries<'a> {
        let rows = queries.len() / size;
        Queries { queries, largest: vec![f32::NEG_INFINITY; rows], sums: vec![0.0; rows], outputs }
    }

    /// Makes the outputs means.
    pub(super) fn finish(self, size: usize) {
        let rows = self.outputs.chunks_exact_mut(size).zip(&self.sums);
        rows.for_each(|(output, sum)| output.iter_mut().for_each(|value| *value /= sum));
    }
}

/// Some keys and values, in float32.
pub(super) struct KeyBlock {
    /// (keys, head size)
    keys: Vec<f32>,
    /// (keys, head size)
    values: Vec<f32>,
    /// The keys as (head size, keys); empty if they have not been turned.
    turned: Vec<f32>,
    count: usize,
}

impl KeyBlock {
    pub(super) fn new(size: usize) -> KeyBlock {
        let zeros = || vec![0.0; BLOCK * size];
        KeyBlock { keys: zeros(), values: zeros(), turned: Vec::new(), count: 0 }
    }

    /// Takes the keys and values that begin at these places, for so many rows to look at.
    #[inline(always)]
    pub(super) fn load<T: Element>(
        &mut self,
        size: usize,
        store: &Store<T>,
        places: impl Iterator<Item = usize>,
        rows: usize,
    ) {
        self.count = 0;
        for place in places {
            let to = self.count * size..(self.count + 1) * size;
            widen(&store.keys[place..place + size], &mut self.keys[to.clone()]);
            widen(&store.values[place..place + size], &mut self.values[to]);
            self.count += 1;
        }
        self.turned.resize(if rows >= MANY_ROWS { size * BLOCK } else { 0 }, 0.0);
        // Behind the last key lie those of another block, whose scores are not looked at.
        for (element, turned) in self.turned.chunks_exact_mut(BLOCK).enumerate() {
            for (turned, key) in turned.iter_mut().zip(self.keys.chunks_exact(size)) {
                *turned = key[element];
            }
        }
    }

    /// Lets rows attend to the block, each to its first so many keys.
    #[inline(always)]
    pub(super) fn absorb(
        &self,
        size: usize,
        state: &mut Queries,
        rows: impl Iterator<Item = (usize, usize)>,
    ) {
        for (row, sees) in rows {
            let sees = sees.min(self.count) * size;
            let place = row * size..(row + 1) * size;
            let (largest, sum) = (&mut state.largest[row], &mut state.sums[row]);
            let (query, output) = (&state.queries[place.clone()], &mut state.outputs[place]);
            let scores = match self.turned.is_empty() {
                true => scores(size, query, &self.keys[..sees]),
                false => turned_scores(query, &self.turned, sees / size),
            };
            absorb(size, scores, &self.values[..sees], (largest, sum, output));
        }
    }
}

#[inline(always)]
fn widen<T: Element>(from: &[T], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.load();
    }
}

/// The products of a query with keys, (keys, head size); minus infinity behind the last.
#[inline(always)]
fn scores(size: usize, query: &[f32], keys: &[f32]) -> [f32; BLOCK] {
    let query = &query[..size];
    let mut scores = [f32::NEG_INFINITY; BLOCK];
    let mut groups = keys.chunks_exact(LANES * size);
    for (scores, keys) in scores.chunks_exact_mut(LANES).zip(&mut groups) {
        scores.copy_from_slice(&dots(size, query, keys));
    }
    let (rest, done) = (groups.remainder(), keys.len() / size / LANES * LANES);
    for (score, key) in scores[done..].iter_mut().zip(rest.chunks_exact(size)) {
        *score = total(products(query, key)) + last_products(query, key);
    }
    scores
}

/// The same of `count` keys that were turned, (head size, keys).
#[inline(always)]
fn turned_scores(query: &[f32], turned: &[f32], count: usize) -> [f32; BLOCK] {
    let mut scores = [f32::NEG_INFINITY; BLOCK];
    let sums = turned_sums(query, turned);
    scores[..count].copy_from_slice(&sums[..count]);
    scores
}

/// The products of a query with all keys of a block that were turned.
#[inline(always)]
fn turned_sums(query: &[f32], turned: &[f32]) -> [f32; BLOCK] {
    let mut even = [0f32; BLOCK];
    let mut odd = [0f32; BLOCK];
    let (pairs, rest) = query.as_chunks::<2>();
    let (keys, last) = turned.as_chunks::<{ 2 * BLOCK }>();
    for ([first, second], keys) in pairs.iter().zip(keys) {
        for lane in 0..BLOCK {
            even[lane] = first.mul_add(keys[lane], even[lane]);
            odd[lane] = second.mul_add(keys[BLOCK + lane], odd[lane]);
        }
    }
    for (element, keys) in rest.iter().zip(last.chunks_exact(BLOCK)) {
        for lane in 0..BLOCK {
            even[lane] = element.mul_add(keys[lane], even[lane]);
        }
    }
    std::array::from_fn(|lane| even[lane] + odd[lane])
}

/// One query that has these scores with keys whose values, (keys, head size), are given: adds to its
/// largest score, its sum of weights and its weighted sum of values.
#[inline(always)]
fn absorb(
    size: usize,
    scores: [f32; BLOCK],
    values: &[f32],
    (largest, sum, output): (&mut f32, &mut f32, &mut [f32]),
) {
    let count = values.len() / size;
    let new = largest.max(most(scores));
    let shrink = exp(*largest - new);
    let mut weights = [0f32; BLOCK];
    for (weight, score) in weights.iter_mut().zip(&scores) {
        *weight = exp(*score - new);
    }
    (*largest, *sum) = (new, sum.mul_add(shrink, total(weights)));
    let whole = size - size % (4 * LANES);
    for start in (0..whole).step_by(4 * LANES) {
        weighted::<{ 4 * LANES }>(&weights[..count], values, (start, size), shrink, output);
    }
    for start in whole..size {
        weighted::<1>(&weights[..count], values, (start, size), shrink, output);
    }
}

/// Adds weighted values to `WIDTH` elements of the output, from `start` on.
#[inline(always)]
fn weighted<const WIDTH: usize>(
    weights: &[f32],
    values: &[f32],
    (start, size): (usize, usize),
    shrink: f32,
    output: &mut [f32],
) {
    let mut lanes = [0f32; WIDTH];
    for (lane, value) in lanes.iter_mut().zip(&output[start..start + WIDTH]) {
        *lane = value * shrink;
    }
    for (weight, value) in weights.iter().zip(values.chunks_exact(size)) {
        for (lane, value) in lanes.iter_mut().zip(&value[start..start + WIDTH]) {
            *lane = weight.mul_add(*value, *lane);
        }
    }
    output[start..start + WIDTH].copy_from_slice(&lanes);
}

/// The products of a query with [`LANES`] keys. Sums are formed of two vectors at a time, each of which
/// then takes half of one, so that in the end one vector holds a sum of every key.
#[inline(always)]
fn dots(size: usize, query: &[f32], keys: &[f32]) -> [f32; LANES] {
    let mut sums = [[0f32; LANES]; LANES];
    for (sums, key) in sums.iter_mut().zip(keys.chunks_exact(size)) {
        *sums = products(query, key);
    }
    for pair in 0..8 {
        sums[pair] = joined::<8>(sums[2 * pair], sums[2 * pair + 1]);
    }
    for pair in 0..4 {
        sums[pair] = joined::<4>(sums[2 * pair], sums[2 * pair + 1]);
    }
    for pair in 0..2 {
        sums[pair] = joined::<2>(sums[2 * pair], sums[2 * pair + 1]);
    }
    let mut sums = joined::<1>(sums[0], sums[1]);
    if !size.is_multiple_of(LANES) {
        for (sum, key) in sums.iter_mut().zip(keys.chunks_exact(size)) {
            *sum += last_products(query, key);
        }
    }
    sums
}

/// Of every 2 * HALF lanes of two vectors, the sums of the first half with the second.
#[inline(always)]
fn joined<const HALF: usize>(first: [f32; LANES], second: [f32; LANES]) -> [f32; LANES] {
    let mut sums = [0f32; LANES];
    for (sums, from) in sums.chunks_exact_mut(LANES / 2).zip([first, second]) {
        for (sums, from) in sums.chunks_exact_mut(HALF).zip(from.chunks_exact(2 * HALF)) {
            for lane in 0..HALF {
                sums[lane] = from[lane] + from[lane + HALF];
            }
        }
    }
    sums
}

/// The products of two vectors' elements, summed by lane; without those behind the last whole lanes.
#[inline(always)]
fn products(a: &[f32], b: &[f32]) -> [f32; LANES] {
    let mut lanes = [0f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = a.mul_add(*b, *lane);
        }
    }
    lanes
}

/// The sum of the products that [`products`] leaves out.
#[inline(always)]
fn last_products(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks_exact(LANES).remainder(), b.chunks_exact(LANES).remainder());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The largest, by halves.
#[inline(always)]
fn most(mut lanes: [f32; BLOCK]) -> f32 {
    let mut width = BLOCK / 2;
    while width > 0 {
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] = if other > lanes[lane] { other } else { lanes[lane] };
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum, by halves, so that it takes few instructions.
#[inline(always)]
fn total<const N: usize>(mut lanes: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}
