//! Steps that repeat themselves without end, which small models write where nothing bounds a value.

/// A pattern counts as repeated when it stands there this many times.
const LEAST_REPEATS: usize = 4;

/// The tokens of a step, so far, and how long they may repeat themselves.
#[derive(Clone)]
pub(crate) struct Repetition {
    /// Tokens of repetition with which a step is given up; 0 is never.
    most: usize,
    tokens: Vec<u32>,
}

impl Repetition {
    pub(crate) fn at_most(most: u32) -> Repetition {
        Repetition { most: most as usize, tokens: Vec::new() }
    }

    /// A new step begins.
    pub(crate) fn forget(&mut self) {
        self.tokens.clear();
    }

    /// Takes the step's next token; whether its last `most` tokens, or more, are one pattern over and over.
    pub(crate) fn push(&mut self, token: u32) -> bool {
        if self.most == 0 {
            return false;
        }
        self.tokens.push(token);
        let longest = self.tokens.len() / LEAST_REPEATS;
        (1..=longest).any(|period| self.repeats(period, self.most.max(LEAST_REPEATS * period)))
    }

    /// Whether the last `length` tokens have this period.
    fn repeats(&self, period: usize, length: usize) -> bool {
        let Some(start) = self.tokens.len().checked_sub(length) else { return false };
        let tail = &self.tokens[start..];
        // From the end, where most patterns break.
        tail[period..].iter().rev().eq(tail[..length - period].iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many tokens a step of these is given up.
    fn given_up(most: u32, tokens: impl IntoIterator<Item = u32>) -> Option<usize> {
        let mut repetition = Repetition::at_most(most);
        tokens.into_iter().position(|token| repetition.push(token)).map(|place| place + 1)
    }

    fn over_and_over(pattern: &[u32]) -> impl Iterator<Item = u32> {
        pattern.iter().copied().cycle().take(512)
    }

    #[test]
    fn a_pattern_may_stand_there_for_so_many_tokens() {
        assert_eq!(given_up(8, over_and_over(&[5])), Some(8));
        assert_eq!(given_up(64, over_and_over(&[5])), Some(64));
        assert_eq!(given_up(64, [1, 2, 3].into_iter().chain(over_and_over(&[5, 6]))), Some(67));
        // Four times at least, however long the pattern.
        assert_eq!(given_up(8, over_and_over(&[5, 6, 7])), Some(12));
        let long: Vec<u32> = (0..100).collect();
        assert_eq!(given_up(64, over_and_over(&long)), Some(400));
        assert_eq!(given_up(0, over_and_over(&[5])), None);
    }

    #[test]
    fn what_changes_goes_on() {
        assert_eq!(given_up(8, 0..512), None);
        // A row of zeros is no repetition yet, and another number ends it.
        assert_eq!(given_up(64, (0..512).map(|place| u32::from(place % 60 == 0) * place)), None);
        // Three times is not four.
        assert_eq!(given_up(8, (0..40).chain(0..40).chain(0..40)), None);
    }

    #[test]
    fn a_new_step_begins_anew() {
        let mut repetition = Repetition::at_most(8);
        for _ in 0..100 {
            assert!((0..7).all(|_| !repetition.push(5)));
            repetition.forget();
        }
    }
}
