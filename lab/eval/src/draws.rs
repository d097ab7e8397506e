//! Draws by chance that are the same everywhere and always: a stream of bytes from a seed and words (BLAKE3
//! in its extendable form), so that no library's generator is part of what a run is of.

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/// A stream of draws.
pub(crate) struct Draws(blake3::OutputReader);

impl Draws {
    /// The draws of a seed for what the words name. Other words are another stream.
    pub(crate) fn of(seed: u64, words: &[&str]) -> Draws {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        for word in words {
            hasher.update(&(word.len() as u64).to_le_bytes()).update(word.as_bytes());
        }
        Draws(hasher.finalize_xof())
    }

    /// A number below a bound; 0 if the bound is. Its bias is below 2^-32 for bounds below 2^32.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound.max(1) as u64) as usize
    }

    /// Puts `count` of the things, drawn without replacement, in front of the others, in any order alike.
    pub(crate) fn bring_forward<T>(&mut self, things: &mut [T], count: usize) {
        for place in 0..count.min(things.len()) {
            let drawn = place + self.below(things.len() - place);
            things.swap(place, drawn);
        }
    }

    /// Puts things in any order alike.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        self.bring_forward(things, things.len());
    }

    /// A name of letters, digits and underscores, a letter first, of a length between the two.
    pub(crate) fn name(&mut self, (least, most): (usize, usize)) -> String {
        let length = least + self.below(most - least + 1);
        let mut letter = |of: &[u8]| char::from(of[self.below(of.len())]);
        let first = letter(LETTERS);
        std::iter::once(first).chain((1..length).map(|_| letter(SIGNS))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_of_their_words_alone() {
        let shuffled = |seed, word| {
            let mut numbers: Vec<usize> = (0..20).collect();
            Draws::of(seed, &[word]).shuffle(&mut numbers);
            numbers
        };
        assert_eq!(shuffled(1, "a"), shuffled(1, "a"));
        assert!(shuffled(1, "a") != shuffled(2, "a") && shuffled(1, "a") != shuffled(1, "b"));
        let mut sorted = shuffled(1, "a");
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn names_begin_with_a_letter_and_have_a_length_between_the_two() {
        let names: Vec<String> = (0..200).map(|seed| Draws::of(seed, &[]).name((4, 6))).collect();
        assert!(names.iter().all(|name| (4..=6).contains(&name.len())), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with(|first: char| first.is_ascii_alphabetic())));
    }
}
