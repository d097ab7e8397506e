//! Requests that are larger than the bound on keys and values, in parts that fit.

use std::ops::Range;

/// A request's units of work, equal in kind, of which some are in work at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    units: usize,
    /// The first that has not begun.
    next: usize,
    /// The most that begin together.
    size: usize,
}

impl Parts {
    /// So many units, together as far as they fit.
    pub(super) fn new(units: usize) -> Parts {
        Parts { units, next: 0, size: usize::MAX }
    }

    /// The units that begin next.
    pub(super) fn next(&self) -> Range<usize> {
        self.next..self.units.min(self.next.saturating_add(self.size))
    }

    /// Begins these units.
    pub(super) fn take(&mut self) -> Range<usize> {
        let units = self.next();
        self.next = units.end;
        units
    }

    /// Whether units are left that have not begun.
    pub(super) fn remain(&self) -> bool {
        self.next < self.units
    }

    /// Lets half as many begin together; `false` if that is less than one.
    pub(super) fn halve(&mut self) -> bool {
        let count = self.next().len();
        if count <= 1 {
            return false;
        }
        self.size = count / 2;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_begins_once() {
        let mut parts = Parts::new(11);
        assert_eq!(parts.next(), 0..11);
        assert!(parts.halve() && parts.halve());
        let mut begun = Vec::new();
        while parts.remain() {
            begun.extend(parts.take());
        }
        assert_eq!(begun, (0..11).collect::<Vec<_>>());
        let mut one = Parts::new(1);
        assert!(!one.halve());
        assert_eq!((one.take(), one.remain(), Parts::new(0).remain()), (0..1, false, false));
    }
}
