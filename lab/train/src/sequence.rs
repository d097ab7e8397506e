//! Rows of training: what prompts have in common once, and all that follows it.

/// A prompt and segments that share it: answers, each behind what its own prompt has more, if anything. A
/// segment's tokens attend to the prompt and to their own segment, and their positions go on from the prompt's end,
/// so that a row computes what separate sequences would.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// The prompt's tokens, then each segment's.
    pub tokens: Vec<u32>,
    /// How many of them are the prompt.
    pub prompt: usize,
    /// What follows it. Each begins where the one before it ends, and the first where the prompt does.
    pub segments: Vec<Segment>,
    /// What is learned from it.
    pub targets: Vec<Target>,
}

/// The rest of a prompt, often nothing, and an answer to the whole prompt: indices in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where the answer begins.
    pub answer: usize,
    /// Where it ends.
    pub end: usize,
}

/// Something that is to be computed from the hidden state behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The token, by its index in the row.
    pub at: u32,
    /// What is right: the token that follows, or 1 for `+` and 0 for `-`.
    pub class: u32,
    /// What it is about.
    pub part: Part,
}

/// What a target is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// A token of a prompt.
    Prompt,
    /// A token of an answer.
    Answer,
    /// A step of an answer, but the last.
    Step,
    /// The whole answer.
    Total,
}

impl Sequence {
    /// A prompt without answers.
    pub fn of_prompt(tokens: &[u32]) -> Sequence {
        Sequence { tokens: tokens.to_vec(), prompt: tokens.len(), segments: Vec::new(), targets: Vec::new() }
    }

    /// Adds an answer. `targets` are about its own tokens: their index there.
    pub fn add(&mut self, tokens: &[u32], targets: impl IntoIterator<Item = Target>) {
        let start = self.tokens.len();
        self.tokens.extend(tokens);
        self.segments.push(Segment { answer: start, end: self.tokens.len() });
        let targets = targets.into_iter();
        self.targets.extend(targets.map(|target| Target { at: start as u32 + target.at, ..target }));
    }

    /// Adds an answer of which every token is to be predicted, the first from the last of its prompt: the row's
    /// prompt and then `rest`.
    pub fn add_predicted(&mut self, rest: &[u32], answer: &[u32]) {
        let (start, shared) = (self.tokens.len() + rest.len(), self.prompt.saturating_sub(1));
        self.tokens.extend(rest);
        self.tokens.extend(answer);
        self.segments.push(Segment { answer: start, end: self.tokens.len() });
        let targets = answer.iter().enumerate().map(|(index, token)| Target {
            at: if index + rest.len() == 0 { shared } else { start + index - 1 } as u32,
            class: *token,
            part: Part::Answer,
        });
        self.targets.extend(targets);
    }

    /// Each token's segment, 0 for the prompt, and its position.
    pub(crate) fn places(&self) -> impl Iterator<Item = (i64, i64)> {
        let prompt = self.prompt as i64;
        let segments =
            self.starts().zip(&self.segments).enumerate().flat_map(move |(index, (start, segment))| {
                (0..(segment.end - start) as i64).map(move |offset| (index as i64 + 1, prompt + offset))
            });
        (0..prompt).map(|position| (0, position)).chain(segments)
    }

    /// The predictions of all tokens of all whole prompts but their first: for each answer those of the row's
    /// prompt, and then those of the rest of its own.
    pub(crate) fn prompt_targets(&self) -> impl Iterator<Item = Target> {
        let target =
            |at: usize, next: usize| Target { at: at as u32, class: self.tokens[next], part: Part::Prompt };
        self.starts().zip(&self.segments).flat_map(move |(start, segment)| {
            let shared = (1..self.prompt).map(move |next| target(next - 1, next));
            let last = self.prompt.saturating_sub(1);
            let rest = start..segment.answer;
            shared.chain(rest.map(move |next| target(if next == start { last } else { next - 1 }, next)))
        })
    }

    /// Where each segment begins.
    fn starts(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.prompt).chain(self.segments.iter().map(|segment| segment.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_share_their_prompt_and_go_on_from_its_end() {
        let mut sequence = Sequence::of_prompt(&[10, 11, 12]);
        sequence.add(&[20, 21], [Target { at: 1, class: 1, part: Part::Total }]);
        sequence.add_predicted(&[], &[30, 31]);
        let places: Vec<(i64, i64)> = sequence.places().collect();
        assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (2, 3), (2, 4)]);
        let expected = [(4, 1, Part::Total), (2, 30, Part::Answer), (5, 31, Part::Answer)].map(at);
        assert_eq!(sequence.targets, expected);
    }

    #[test]
    fn the_rest_of_a_prompt_stands_before_its_answer() {
        let mut sequence = Sequence::of_prompt(&[10, 11]);
        sequence.add_predicted(&[12, 13], &[20, 21]);
        sequence.add_predicted(&[], &[30]);
        let places: Vec<(i64, i64)> = sequence.places().collect();
        assert_eq!(places, [(0, 0), (0, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 2)]);
        let expected = [(3, 20), (4, 21), (1, 30)].map(|(index, class)| at((index, class, Part::Answer)));
        assert_eq!(sequence.targets, expected);
        let expected =
            [(0, 11), (1, 12), (2, 13), (0, 11)].map(|(index, class)| at((index, class, Part::Prompt)));
        assert_eq!(sequence.prompt_targets().collect::<Vec<_>>(), expected);
    }

    fn at((at, class, part): (u32, u32, Part)) -> Target {
        Target { at, class, part }
    }
}
