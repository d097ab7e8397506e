//! In which batches a set is gone through.

use crate::batch::padded;
use crate::draws::Draws;

/// Rows among which those of similar length are put together. More would be less padding and less chance.
const POOL: usize = 1024;

/// The batches of an epoch, as numbers of rows: a function of the rows' lengths, the seed and the epoch. Every
/// row is in one of them.
pub(crate) fn epoch(lengths: &[usize], budget: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut draws = Draws::of(seed, &[epoch]);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    draws.shuffle(&mut order);
    let mut all = Vec::new();
    for pool in order.chunks_mut(POOL) {
        pool.sort_by_key(|row| lengths[*row]);
        let mut batches = in_order(pool, lengths, budget);
        draws.shuffle(&mut batches);
        all.append(&mut batches);
    }
    all
}

/// The batches of a set that is gone through once, in the order of the rows' lengths.
pub(crate) fn by_length(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|row| lengths[*row]);
    in_order(&order, lengths, budget)
}

/// Batches of rows that are sorted by length: as many as are within the budget, but at least one.
fn in_order(rows: &[usize], lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let mut batch: Vec<usize> = Vec::new();
    for row in rows {
        if !batch.is_empty() && padded(lengths[*row]) * (batch.len() + 1) > budget {
            batches.push(std::mem::take(&mut batch));
        }
        batch.push(*row);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once_within_the_budget() {
        let lengths: Vec<usize> = (0..3000).map(|row| 10 + (row * 7919) % 500).collect();
        let batches = epoch(&lengths, 2048, 1, 0);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..3000).collect::<Vec<_>>());
        let size = |batch: &Vec<usize>| {
            padded(batch.iter().map(|row| lengths[*row]).max().expect("a row")) * batch.len()
        };
        assert!(batches.iter().all(|batch| size(batch) <= 2048));
        let (tokens, room) = (lengths.iter().sum::<usize>(), batches.iter().map(size).sum::<usize>());
        assert!(room < tokens * 11 / 10, "{room} places for {tokens} tokens");
        assert_eq!(batches, epoch(&lengths, 2048, 1, 0));
        assert_ne!(batches, epoch(&lengths, 2048, 1, 1));
    }

    #[test]
    fn a_row_beyond_the_budget_is_a_batch_by_itself() {
        assert_eq!(in_order(&[0, 1, 2], &[10, 300, 310], 100), [[0], [1], [2]]);
        assert!(epoch(&[], 100, 0, 0).is_empty());
    }
}
