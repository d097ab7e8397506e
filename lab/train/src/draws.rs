//! Random numbers that are a function of their place, the same on every machine and in every release.

/// A stream of random numbers (SplitMix64: Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

impl Draws {
    /// The stream of a seed and of what it is drawn for.
    pub(crate) fn of(seed: u64, place: &[u64]) -> Draws {
        let mut draws = Draws { state: seed };
        for part in place {
            draws.state = draws.next() ^ part;
        }
        draws
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = self.state;
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// Puts things into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let place = (u128::from(self.next()) * (last as u128 + 1)) >> 64;
            things.swap(last, place as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_streams_of_their_own_that_repeat() {
        let order = |seed, place: &[u64]| {
            let mut things: Vec<u32> = (0..50).collect();
            Draws::of(seed, place).shuffle(&mut things);
            things
        };
        assert_eq!(order(1, &[2, 3]), order(1, &[2, 3]));
        assert_ne!(order(1, &[2, 3]), order(1, &[3, 2]));
        assert_ne!(order(1, &[2, 3]), order(2, &[2, 3]));
        let mut sorted = order(1, &[2, 3]);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn shares_are_met() {
        let mut draws = Draws::of(7, &[]);
        let met = (0..10_000).filter(|_| draws.happens(0.05)).count();
        assert!((400..600).contains(&met), "{met} of 10,000");
        assert!(!draws.happens(0.0) && draws.happens(1.0));
    }
}
