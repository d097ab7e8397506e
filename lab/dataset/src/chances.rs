//! What is drawn of lists and ranges.

use crate::draws::Draws;

impl Draws {
    /// Whether something of this probability comes about.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list; none of an empty one.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = self.below(list.len());
        list.get(index)
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).saturating_add(1).max(1);
        low.saturating_add(self.below(span as usize) as i64)
    }

    /// An index, as often as its weight says.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Another order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_keep_to_their_bounds_and_weights() {
        let mut draws = Draws::of(1, &["test"]);
        let mut counts = [0; 3];
        for _ in 0..3000 {
            counts[draws.weighted(&[1.0, 0.0, 2.0])] += 1;
            assert!((-3..=4).contains(&draws.between(-3, 4)));
        }
        assert_eq!(counts[1], 0);
        assert!((900..1100).contains(&counts[0]), "{counts:?}");
        assert!(draws.pick::<u8>(&[]).is_none());
        let mut order: Vec<u8> = (0..20).collect();
        draws.shuffle(&mut order);
        assert_ne!(order, (0..20).collect::<Vec<u8>>());
        order.sort_unstable();
        assert_eq!(order, (0..20).collect::<Vec<u8>>());
    }
}
