//! Free token slots.

use std::collections::BTreeMap;
use std::ops::Range;

/// Free slots as disjoint, non-adjacent ranges: start to length.
pub(super) struct FreeSlots {
    ranges: BTreeMap<usize, usize>,
    free: usize,
}

/// Which end of the free slots to take from: prompts and short runs are kept apart, so that short
/// runs do not break up the ranges that prompts need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Low,
    High,
}

impl FreeSlots {
    pub(super) fn new(range: Range<usize>) -> FreeSlots {
        FreeSlots { free: range.len(), ranges: BTreeMap::from([(range.start, range.len())]) }
    }

    /// Number of free slots.
    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// The most slots that are free in one place.
    pub(super) fn longest(&self) -> usize {
        self.ranges.values().copied().max().unwrap_or(0)
    }

    /// Takes at most `most` consecutive slots: all of them where a range is long enough, otherwise the
    /// longest range. `None` if nothing is free.
    pub(super) fn take(&mut self, most: usize, end: End) -> Option<Range<usize>> {
        let fits = |(_, len): &(&usize, &usize)| **len >= most;
        let found = match end {
            End::Low => self.ranges.iter().find(fits),
            End::High => self.ranges.iter().rev().find(fits),
        };
        let longest = || self.ranges.iter().max_by_key(|(_, len)| **len);
        let (start, len) = found.or_else(longest).map(|(start, len)| (*start, *len))?;
        let count = most.min(len);
        let taken = match end {
            End::Low => start,
            End::High => start + len - count,
        };
        self.ranges.remove(&start);
        if len > count {
            let rest = if taken == start { start + count } else { start };
            self.ranges.insert(rest, len - count);
        }
        self.free -= count;
        Some(taken..taken + count)
    }

    pub(super) fn give_back(&mut self, range: Range<usize>) {
        let (mut start, mut len) = (range.start, range.len());
        if len == 0 {
            return;
        }
        self.free += len;
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

    #[test]
    fn what_is_taken_comes_back_and_adjacent_ranges_join() {
        let mut slots = FreeSlots::new(1..65);
        let low = slots.take(10, End::Low).expect("free");
        let high = slots.take(10, End::High).expect("free");
        assert_eq!((low.clone(), high.clone()), (1..11, 55..65));
        let middle = slots.take(100, End::Low).expect("some are free");
        assert_eq!(middle, 11..55, "the longest range where none is long enough");
        assert_eq!((slots.free(), slots.take(1, End::Low)), (0, None));
        for range in [low, high, middle] {
            slots.give_back(range);
        }
        assert_eq!(slots.ranges, BTreeMap::from([(1, 64)]));
    }
}
