//! What sequences share behind their prompts: a beam's continuations begin alike, and so do beams that come
//! from one. What several tails begin with is read once for all of them.

use std::ops::Range;

use crate::cpu::attention::Plan;

/// The fewest slots that are worth reading apart.
const WORTH: usize = 16;

/// Moves what several tails begin with into trunks of their own.
pub(super) fn share(plan: &mut Plan) {
    let before = plan.tails.iter().map(|(slots, new)| &slots[..slots.len() - new.len()]).collect();
    let mut sharing = Sharing { before, cuts: vec![0; plan.tails.len()], shared: Vec::new() };
    let mut members: Vec<usize> = (0..plan.tails.len()).collect();
    // Those that begin alike become neighbours.
    members.sort_by_key(|tail| sharing.before[*tail]);
    sharing.split(&members, 0, 0);
    let Sharing { cuts, shared, .. } = sharing;
    for (slots, members) in shared {
        let tokens = members.iter().flat_map(|tail| plan.tails[*tail].1.clone());
        plan.trunks.push((slots, tokens.collect()));
    }
    for ((slots, _), cut) in plan.tails.iter_mut().zip(cuts) {
        slots.drain(..cut);
    }
}

struct Sharing<'a> {
    /// Each tail's slots before its new tokens.
    before: Vec<&'a [usize]>,
    /// How many of them lie in trunks.
    cuts: Vec<usize>,
    /// New trunks, and the tails that begin with them.
    shared: Vec<(Vec<Range<usize>>, Vec<usize>)>,
}

impl Sharing<'_> {
    /// Finds what those of some tails share that agree up to `at`, of which all up to `from` lies in trunks.
    /// The tails are in the order of their slots.
    fn split(&mut self, members: &[usize], from: usize, at: usize) {
        let slot = |sharing: &Self, tail: usize| sharing.before[tail].get(at).copied();
        let groups: Vec<&[usize]> = members.chunk_by(|a, b| slot(self, *a) == slot(self, *b)).collect();
        for group in groups {
            let (first, last) = (group[0], group[group.len() - 1]);
            if group.len() < 2 || slot(self, first).is_none() {
                continue;
            }
            let (first, last) = (self.before[first], self.before[last]);
            // What the first and the last agree on, all between them do.
            let agreed = first.iter().zip(last).take_while(|(a, b)| a == b).count();
            let mut from = from;
            if agreed - from >= WORTH {
                self.shared.push((ranges(&first[from..agreed]), group.to_vec()));
                group.iter().for_each(|tail| self.cuts[*tail] = agreed);
                from = agreed;
            }
            self.split(group, from, agreed);
        }
    }
}

fn ranges(slots: &[usize]) -> Vec<Range<usize>> {
    slots.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[0] + run.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_read_once_for_all_that_have_them() {
        let run = |parts: &[(usize, usize)]| -> Vec<usize> {
            parts.iter().flat_map(|(from, to)| *from..*to).collect()
        };
        let trunk = |part: (usize, usize), tokens: &[usize]| (ranges(&run(&[part])), tokens.to_vec());
        // Two beams from one, of which the first has two continuations; a sequence of its own, and one whose
        // new tokens the next one reads.
        let tails = vec![
            (run(&[(100, 120), (200, 230), (300, 303)]), 0..1),
            (run(&[(100, 120), (400, 402)]), 1..2),
            (run(&[(100, 120), (200, 230), (500, 520)]), 2..4),
            (run(&[(600, 640)]), 4..5),
            (run(&[(700, 720)]), 5..25),
            (run(&[(700, 720), (750, 751)]), 25..26),
        ];
        let mut plan = Plan { trunks: vec![trunk((0, 9), &[0])], tails, tokens: 26 };
        share(&mut plan);
        assert_eq!(plan.trunks[1..], [trunk((100, 120), &[0, 2, 3, 1]), trunk((200, 230), &[0, 2, 3])]);
        let left: Vec<usize> = plan.tails.iter().map(|(slots, _)| slots.len()).collect();
        assert_eq!(left, [3, 2, 20, 40, 20, 21]);
        assert_eq!(plan.tails[0].0, [300, 301, 302]);
    }
}
