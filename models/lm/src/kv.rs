//! Keys and values: one pool of token slots, and sequences that share them.
//!
//! A sequence is a list of *runs*, ranges of consecutive slots. Forking a sequence copies the list,
//! never keys or values: a run is freed when the last sequence that holds it goes. The prompt is one
//! long run, stored once however many sequences continue it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use crate::{LmError, ModelConfig};

/// Slots that are reserved at a time when a sequence grows.
const RUN: usize = 8;

/// The slot that padding points to. Its keys and values are zero and nobody owns it.
pub(crate) const PADDING_SLOT: usize = 0;

/// Storage for the keys and values of `capacity` tokens.
pub(crate) struct KvPool {
    /// Per layer: keys, shape (capacity, key-value heads, head size).
    pub(crate) keys: Vec<Tensor>,
    /// Per layer: values, of the same shape.
    pub(crate) values: Vec<Tensor>,
    slots: Rc<RefCell<FreeSlots>>,
    capacity: usize,
}

impl KvPool {
    /// A pool of at most `bytes` bytes.
    pub(crate) fn new(
        config: &ModelConfig,
        bytes: u64,
        device: Device,
        kind: Kind,
    ) -> Result<KvPool, LmError> {
        let per_token = config.kv_bytes_per_token(kind.elt_size_in_bytes() as u64);
        let capacity = (bytes / per_token) as usize;
        if capacity < 2 * RUN {
            return Err(LmError::KvBound { needed: per_token * 2 * RUN as u64, bound: bytes });
        }
        let shape = [capacity as i64, config.num_key_value_heads, config.head_dim];
        let storage = || -> Result<Vec<Tensor>, LmError> {
            let mut layers = Vec::with_capacity(config.num_hidden_layers);
            for _ in 0..config.num_hidden_layers {
                let layer = Tensor::f_empty(shape, (kind, device))?;
                let _ = layer.f_narrow(0, PADDING_SLOT as i64, 1)?.f_zero_()?;
                layers.push(layer);
            }
            Ok(layers)
        };
        Ok(KvPool {
            keys: storage()?,
            values: storage()?,
            slots: Rc::new(RefCell::new(FreeSlots::new(PADDING_SLOT + 1..capacity))),
            capacity,
        })
    }

    /// Number of tokens that fit.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity - 1
    }

    /// Number of tokens that still fit.
    pub(crate) fn free(&self) -> usize {
        self.slots.borrow().free
    }

    /// An empty sequence.
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence { runs: Vec::new(), len: 0 }
    }

    /// Reserves `count` consecutive slots at the end of `sequence` as one run, for a prompt.
    /// `None` if no such range is free.
    pub(crate) fn append_run(&self, sequence: &mut Sequence, count: usize) -> Option<()> {
        let run = self.allocate(count, Place::Low)?;
        sequence.runs.push((run, count));
        sequence.len += count;
        Some(())
    }

    /// Reserves slots for `count` more tokens at the end of `sequence` and returns them, or `None`,
    /// with `sequence` as it was, if the pool is full.
    pub(crate) fn append(&self, sequence: &mut Sequence, count: usize) -> Option<Vec<i64>> {
        let mut grown = sequence.clone();
        let mut new = Vec::with_capacity(count);
        // The clone above holds every run once more.
        let unshared = 2;
        if let Some((run, used)) = grown.runs.last_mut()
            && Rc::strong_count(run) == unshared
        {
            let take = (run.len - *used).min(count);
            new.extend((*used..*used + take).map(|offset| (run.start + offset) as i64));
            *used += take;
        }
        while new.len() < count {
            let run = self.allocate(RUN, Place::High)?;
            let take = RUN.min(count - new.len());
            new.extend((run.start..run.start + take).map(|slot| slot as i64));
            grown.runs.push((run, take));
        }
        grown.len += count;
        *sequence = grown;
        Some(new)
    }

    fn allocate(&self, count: usize, place: Place) -> Option<Rc<Run>> {
        let start = self.slots.borrow_mut().take(count, place)?;
        Some(Rc::new(Run { start, len: count, slots: Rc::clone(&self.slots) }))
    }
}

/// The tokens whose keys and values precede a position, in order. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sequence {
    /// Runs and how many of their slots belong to this sequence.
    runs: Vec<(Rc<Run>, usize)>,
    len: usize,
}

impl Sequence {
    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first run, start and length: the shared prompt of a sequence that was forked from one.
    pub(crate) fn trunk(&self) -> Option<(usize, usize)> {
        self.runs.first().map(|(run, used)| (run.start, *used))
    }

    /// The slots after the first `skip` runs, in order.
    pub(crate) fn slots_after(&self, skip: usize) -> impl Iterator<Item = i64> + '_ {
        self.runs
            .iter()
            .skip(skip)
            .flat_map(|(run, used)| (run.start..run.start + used).map(|slot| slot as i64))
    }
}

/// A range of consecutive slots; freed when dropped.
struct Run {
    start: usize,
    len: usize,
    slots: Rc<RefCell<FreeSlots>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.slots.borrow_mut().give_back(self.start, self.len);
    }
}

/// Which end of the free slots to take from: prompts and short runs are kept apart, so that short
/// runs do not break up the ranges that prompts need.
#[derive(Clone, Copy)]
enum Place {
    Low,
    High,
}

/// Free slots as disjoint, non-adjacent ranges: start to length.
struct FreeSlots {
    ranges: BTreeMap<usize, usize>,
    free: usize,
}

impl FreeSlots {
    fn new(range: std::ops::Range<usize>) -> FreeSlots {
        FreeSlots { free: range.len(), ranges: BTreeMap::from([(range.start, range.len())]) }
    }

    fn take(&mut self, count: usize, place: Place) -> Option<usize> {
        let fits = |(_, len): &(&usize, &usize)| **len >= count;
        let found = match place {
            Place::Low => self.ranges.iter().find(fits),
            Place::High => self.ranges.iter().rev().find(fits),
        };
        let (start, len) = found.map(|(start, len)| (*start, *len))?;
        self.ranges.remove(&start);
        let taken = match place {
            Place::Low => start,
            Place::High => start + len - count,
        };
        if len > count {
            let rest = if taken == start { start + count } else { start };
            self.ranges.insert(rest, len - count);
        }
        self.free -= count;
        Some(taken)
    }

    fn give_back(&mut self, start: usize, len: usize) {
        self.free += len;
        let (mut start, mut len) = (start, len);
        if let Some((before, size)) = self.ranges.range(..start).next_back().map(|(s, l)| (*s, *l))
            && before + size == start
        {
            self.ranges.remove(&before);
            (start, len) = (before, size + len);
        }
        if let Some(size) = self.ranges.remove(&(start + len)) {
            len += size;
        }
        self.ranges.insert(start, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(tokens: usize) -> KvPool {
        KvPool {
            keys: Vec::new(),
            values: Vec::new(),
            slots: Rc::new(RefCell::new(FreeSlots::new(1..tokens + 1))),
            capacity: tokens + 1,
        }
    }

    #[test]
    fn a_fork_shares_slots_and_grows_on_its_own() {
        let pool = pool(100);
        let mut prompt = pool.sequence();
        pool.append_run(&mut prompt, 20).expect("fits");
        let mut first = prompt.clone();
        let mut second = prompt.clone();
        let a = pool.append(&mut first, 3).expect("fits");
        let b = pool.append(&mut second, 3).expect("fits");
        assert_eq!(pool.free(), 100 - 20 - 2 * RUN, "the prompt is stored once");
        assert!(a.iter().all(|slot| !b.contains(slot)));
        let fork = first.clone();
        let c = pool.append(&mut first, 2).expect("fits");
        assert!(c.iter().all(|slot| !a.contains(slot)));
        assert_eq!(fork.slots_after(1).collect::<Vec<_>>(), a, "a fork does not see what others append");
        assert_eq!(first.slots_after(1).collect::<Vec<_>>(), [a, c].concat());
    }

    #[test]
    fn an_unshared_run_is_filled_before_another_is_reserved() {
        let pool = pool(64);
        let mut sequence = pool.sequence();
        for _ in 0..RUN {
            pool.append(&mut sequence, 1).expect("fits");
        }
        assert_eq!(pool.free(), 64 - RUN);
        pool.append(&mut sequence, 1).expect("fits");
        assert_eq!(pool.free(), 64 - 2 * RUN);
    }

    #[test]
    fn everything_comes_back_and_adjacent_ranges_join() {
        let pool = pool(64);
        let mut kept = Vec::new();
        for round in 0..5 {
            let mut sequence = pool.sequence();
            pool.append_run(&mut sequence, 7 + round).expect("fits");
            pool.append(&mut sequence, 2).expect("fits");
            if round % 2 == 0 {
                kept.push(sequence);
            }
        }
        kept.remove(1);
        kept.clear();
        assert_eq!(pool.free(), 64);
        assert_eq!(pool.slots.borrow().ranges, BTreeMap::from([(1, 64)]));
    }

    #[test]
    fn a_full_pool_refuses_and_leaves_the_sequence_as_it_was() {
        let pool = pool(20);
        let mut sequence = pool.sequence();
        pool.append(&mut sequence, 10).expect("fits");
        assert!(pool.append(&mut sequence, 20).is_none());
        assert_eq!(sequence.len(), 10);
        assert_eq!(pool.free(), 20 - 2 * RUN);
    }
}
