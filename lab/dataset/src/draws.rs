//! Draws by chance that are the same everywhere and always: a stream of bytes from a seed and words (BLAKE3
//! in its extendable form), so that no library's generator is part of what a set is made of.

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

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below a bound, which is not 0; its bias is below 2^-32 for bounds below 2^32.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// A number from 0 up to, not including, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // As many bits as a float's digits have.
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }
}
