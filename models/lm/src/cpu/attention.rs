//! Attention of a few new tokens over keys and values where they lie, without copies or padding.
//!
//! A query's softmax is built up key by key (online softmax, Milakov and Gimelshein, arXiv 1805.02867),
//! so that the parts that it attends to need no merging: trunks are read once for all queries that
//! share them, then each sequence reads its own tail. Neighbours change nothing but the last bits: keys that
//! many queries look at are multiplied in another order.

use std::ops::Range;

use multiversion::multiversion;

use super::Element;
use super::block::Heads;
use super::native::for_rows;
use keys::{BLOCK, KeyBlock, Queries};

mod keys;

/// Multiplications that are worth a thread's start.
const GRAIN: usize = 128 * 1024;

/// How the tokens of a pass attend.
pub(crate) struct Plan {
    /// What several sequences share, or one reads in one piece, and the tokens that attend to it.
    pub(crate) trunks: Vec<(Vec<Range<usize>>, Vec<usize>)>,
    /// Each sequence's own slots and its new tokens, whose slots are the last; they see those before
    /// them and their own.
    pub(crate) tails: Vec<(Vec<usize>, Range<usize>)>,
    /// New tokens of all sequences.
    pub(crate) tokens: usize,
}

/// The keys and values of a layer, (slots, key-value heads, head size).
pub(crate) struct Store<'a, T> {
    pub(crate) keys: &'a [T],
    pub(crate) values: &'a [T],
}

impl Plan {
    /// Pairs of a query token and a key.
    fn pairs(&self) -> usize {
        let trunk = |(slots, tokens): &(Vec<Range<usize>>, Vec<usize>)| {
            slots.iter().map(Range::len).sum::<usize>() * tokens.len()
        };
        let tail = |(slots, tokens): &(Vec<usize>, Range<usize>)| slots.len() * tokens.len();
        self.trunks.iter().map(trunk).sum::<usize>() + self.tails.iter().map(tail).sum::<usize>()
    }
}

/// Attends: queries (tokens, query heads, head size) -> `output`, of the same shape.
pub(crate) fn attend<T: Element>(
    plan: &Plan,
    queries: &[T],
    store: &Store<T>,
    heads: Heads,
    output: &mut [T],
) {
    let group = heads.queries / heads.keys;
    let width = group * heads.size;
    // (key-value heads, tokens, group * head size): a thread takes tokens of one or more heads.
    let mut attended = vec![0f32; heads.keys * plan.tokens * width];
    let work = plan.pairs() * width / plan.tokens.max(1);
    for_rows(&mut attended, width, (GRAIN / work.max(1)).max(1), |first, rows| {
        let count = rows.len() / width;
        let mut at = 0;
        while at < count {
            let (head, token) = ((first + at) / plan.tokens, (first + at) % plan.tokens);
            let tokens = token..plan.tokens.min(token + count - at);
            let rows = &mut rows[at * width..(at + tokens.len()) * width];
            attend_head(plan, queries, store, (heads, head), (tokens.clone(), rows));
            at += tokens.len();
        }
    });
    let rows = attended.chunks_exact(width.max(1)).enumerate();
    for (row, attended) in rows {
        let (head, token) = (row / plan.tokens, row % plan.tokens);
        let place = (token * heads.keys + head) * width;
        for (output, value) in output[place..place + width].iter_mut().zip(attended) {
            *output = T::store(*value);
        }
    }
}

/// One key-value head for the tokens of a range: `outputs`, (tokens, group, head size).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn attend_head<T: Element>(
    plan: &Plan,
    queries: &[T],
    store: &Store<T>,
    heads: (Heads, usize),
    outputs: (Range<usize>, &mut [f32]),
) {
    // Code of its own for usual sizes, whose loops have no ends to look for.
    match heads.0.size {
        64 => attend_sized(64, plan, queries, store, heads, outputs),
        128 => attend_sized(128, plan, queries, store, heads, outputs),
        size => attend_sized(size, plan, queries, store, heads, outputs),
    }
}

#[inline(always)]
fn attend_sized<T: Element>(
    size: usize,
    plan: &Plan,
    queries: &[T],
    store: &Store<T>,
    (heads, head): (Heads, usize),
    (tokens, outputs): (Range<usize>, &mut [f32]),
) {
    let group = heads.queries / heads.keys;
    let scale = (size as f32).powf(-0.5);
    let mut scaled = Vec::with_capacity(outputs.len());
    for token in tokens.clone() {
        let start = (token * heads.queries + head * group) * size;
        scaled.extend(queries[start..start + group * size].iter().map(|value| value.load() * scale));
    }
    let mut state = Queries::new(scaled, size, outputs);
    let mut block = KeyBlock::new(size);
    let place = |slot: usize| (slot * heads.keys + head) * size;
    // The rows of a token of this range.
    let rows = |token: usize| (0..group).map(move |query| (token - tokens.start) * group + query);
    for (slots, members) in &plan.trunks {
        let members = members.iter().filter(|token| tokens.contains(token));
        let members: Vec<usize> = members.flat_map(|token| rows(*token)).collect();
        let mut slots = slots.iter().cloned().flatten().peekable();
        while !members.is_empty() && slots.peek().is_some() {
            block.load(size, store, slots.by_ref().take(BLOCK).map(place), members.len());
            block.absorb(size, &mut state, members.iter().map(|row| (*row, BLOCK)));
        }
    }
    for (slots, new) in &plan.tails {
        let mine = new.start.max(tokens.start)..new.end.min(tokens.end);
        // How many of the slots the last token of mine sees; those before it see one less each.
        let seen = if mine.is_empty() { 0 } else { slots.len() - (new.end - mine.end) };
        for (start, keys) in slots[..seen].chunks(BLOCK).enumerate().map(|(i, keys)| (i * BLOCK, keys)) {
            block.load(size, store, keys.iter().map(|slot| place(*slot)), mine.len() * group);
            let members = mine.clone().flat_map(|token| {
                let sees = (seen + token + 1 - mine.end).saturating_sub(start).min(BLOCK);
                rows(token).map(move |row| (row, sees))
            });
            block.absorb(size, &mut state, members.filter(|(_, sees)| *sees > 0));
        }
    }
    state.finish(size);
}
