//! Rows whose prompts begin alike as one row: records of a set often have the same tools and other queries.

use crate::sequence::Sequence;

/// The shortest beginning, in tokens, for which prompts are put together: a shared row needs a mask.
const SHORTEST: usize = 64;

/// Puts rows of one answer each, whose every token is predicted, together with those behind them, as long as
///
/// - what all their prompts begin with has at least 64 tokens and is at least half of each prompt,
/// - every further one makes fewer tokens of it all, since a shorter beginning leaves more to each prompt,
/// - and there are at most `longest` tokens.
///
/// The rows compute what the given ones would, and learn the same from it.
pub fn share_prompts(rows: Vec<Sequence>, longest: usize) -> Vec<Sequence> {
    let mut shared = Vec::new();
    let mut group = Group::default();
    for row in rows {
        match group.with(&row, longest) {
            Some(larger) => group = Group { rows: group.rows, ..larger },
            None => shared.extend(std::mem::replace(&mut group, Group::of(&row)).row()),
        }
        group.rows.push(row);
    }
    shared.extend(group.row());
    shared
}

/// Rows that become one.
#[derive(Default)]
struct Group {
    rows: Vec<Sequence>,
    /// The tokens with which all prompts begin.
    prompt: usize,
    /// The tokens of the longest prompt.
    longest_prompt: usize,
    /// The tokens of the row.
    tokens: usize,
}

impl Group {
    /// What a group of this row alone would be, still without it.
    fn of(row: &Sequence) -> Group {
        Group { rows: Vec::new(), prompt: row.prompt, longest_prompt: row.prompt, tokens: row.tokens.len() }
    }

    /// What the group would be with another row, still without any; `None` if it does not belong there.
    fn with(&self, row: &Sequence, longest: usize) -> Option<Group> {
        let first = self.rows.first()?;
        let pairs = first.tokens[..self.prompt].iter().zip(&row.tokens[..row.prompt]);
        let prompt = pairs.take_while(|(one, other)| one == other).count();
        // What the beginning loses, each prompt has to hold for itself.
        let tokens = self.tokens + (self.prompt - prompt) * (self.rows.len() - 1) + row.tokens.len() - prompt;
        let longest_prompt = self.longest_prompt.max(row.prompt);
        let belongs = prompt >= SHORTEST.max(longest_prompt.div_ceil(2))
            && tokens < self.tokens + row.tokens.len()
            && tokens <= longest;
        belongs.then_some(Group { rows: Vec::new(), prompt, longest_prompt, tokens })
    }

    fn row(mut self) -> Option<Sequence> {
        if self.rows.len() <= 1 {
            return self.rows.pop();
        }
        let mut shared = Sequence::of_prompt(&self.rows[0].tokens[..self.prompt]);
        for row in &self.rows {
            shared.add_predicted(&row.tokens[self.prompt..row.prompt], &row.tokens[row.prompt..]);
        }
        Some(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of a beginning of so many equal tokens, a rest of so many that are its own, and an answer of two.
    fn row(beginning: usize, own: u32, rest: usize) -> Sequence {
        let prompt: Vec<u32> = (0..beginning as u32).chain(vec![1000 + own; rest]).collect();
        let mut row = Sequence::of_prompt(&prompt);
        row.add_predicted(&[], &[7, own]);
        row
    }

    /// The shared prompt, the number of answers and the length of each row.
    fn shapes(rows: &[Sequence], longest: usize) -> Vec<(usize, usize, usize)> {
        let shared = share_prompts(rows.to_vec(), longest);
        let answers = |rows: &[Sequence]| -> Vec<Vec<u32>> {
            let of = |row: &Sequence| -> Vec<Vec<u32>> {
                row.segments.iter().map(|segment| row.tokens[segment.answer..segment.end].to_vec()).collect()
            };
            rows.iter().flat_map(of).collect()
        };
        assert_eq!(answers(&shared), answers(rows), "every answer stays, in order");
        shared.iter().map(|row| (row.prompt, row.segments.len(), row.tokens.len())).collect()
    }

    #[test]
    fn neighbours_that_begin_alike_become_one_row() {
        let alike: Vec<Sequence> = (0..4).map(|own| row(100, own, 10)).collect();
        assert_eq!(shapes(&alike, 2048), [(100, 4, 148)]);
        assert_eq!(shapes(&alike, 130), [(100, 2, 124), (100, 2, 124)], "as many as fit");
        assert_eq!(shapes(&alike, 50).len(), 4, "rows that are too long stay as they are");
        let between = [row(100, 0, 10), row(0, 1, 90), row(100, 2, 10)];
        assert_eq!(shapes(&between, 2048), [(110, 1, 112), (90, 1, 92), (110, 1, 112)]);
        assert!(share_prompts(Vec::new(), 2048).is_empty());
    }

    #[test]
    fn a_beginning_is_long_and_half_of_each_prompt() {
        assert_eq!(shapes(&[row(64, 0, 9), row(64, 1, 9)], 2048), [(64, 2, 86)]);
        assert_eq!(shapes(&[row(63, 0, 9), row(63, 1, 9)], 2048).len(), 2);
        assert_eq!(shapes(&[row(100, 0, 100), row(100, 1, 9)], 2048), [(100, 2, 213)]);
        assert_eq!(shapes(&[row(100, 0, 101), row(100, 1, 9)], 2048).len(), 2);
        assert_eq!(shapes(&[row(100, 0, 9), row(100, 1, 101)], 2048).len(), 2);
    }

    #[test]
    fn no_row_is_added_that_costs_more_than_it_saves() {
        let mut rows: Vec<Sequence> = (0..4).map(|own| row(200, own, 1)).collect();
        rows.push(row(140, 9, 1));
        // 140 tokens less, but 60 more in each of three.
        assert_eq!(shapes(&rows, 2048), [(200, 4, 212), (141, 1, 143)]);
        assert_eq!(shapes(&rows[2..], 2048), [(140, 3, 140 + 2 * 63 + 3)]);
    }

    #[test]
    fn equal_prompts_have_no_rest() {
        let rows = [row(80, 1, 0), row(80, 2, 0), row(90, 3, 0)];
        assert_eq!(shapes(&rows, 2048), [(80, 3, 80 + 2 + 2 + 12)]);
    }
}
