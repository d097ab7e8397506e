//! What was thrown away, counted by kind.

/// Why an expansion was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropKind {
    /// Its text can no longer become an answer of the layout.
    Invalid,
    /// The policy ended its turn inside a step.
    Ended,
    /// A token limit was reached inside a step, or the reward model's context with it.
    Length,
    /// It is complete, but the tools' schemas do not allow it.
    SchemaInvalid,
    /// It takes a step that the tool choice does not allow.
    NotAllowed,
    /// It repeats itself inside a step.
    Repetition,
}

/// Dropped expansions by kind. Every draw counts, so a continuation that stands for three draws
/// counts three times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// See [`DropKind::Invalid`].
    pub invalid: u64,
    /// See [`DropKind::Ended`].
    pub ended: u64,
    /// See [`DropKind::Length`].
    pub length: u64,
    /// See [`DropKind::SchemaInvalid`].
    pub schema_invalid: u64,
    /// See [`DropKind::NotAllowed`].
    pub not_allowed: u64,
    /// See [`DropKind::Repetition`].
    pub repetition: u64,
}

impl Dropped {
    /// Counts `count` more draws of one kind.
    pub fn add(&mut self, kind: DropKind, count: u32) {
        let counter = match kind {
            DropKind::Invalid => &mut self.invalid,
            DropKind::Ended => &mut self.ended,
            DropKind::Length => &mut self.length,
            DropKind::SchemaInvalid => &mut self.schema_invalid,
            DropKind::NotAllowed => &mut self.not_allowed,
            DropKind::Repetition => &mut self.repetition,
        };
        *counter = counter.saturating_add(u64::from(count));
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: Dropped) {
        self.invalid = self.invalid.saturating_add(other.invalid);
        self.ended = self.ended.saturating_add(other.ended);
        self.length = self.length.saturating_add(other.length);
        self.schema_invalid = self.schema_invalid.saturating_add(other.schema_invalid);
        self.not_allowed = self.not_allowed.saturating_add(other.not_allowed);
        self.repetition = self.repetition.saturating_add(other.repetition);
    }

    /// All kinds together.
    pub fn total(&self) -> u64 {
        let kinds =
            [self.invalid, self.ended, self.length, self.schema_invalid, self.not_allowed, self.repetition];
        kinds.into_iter().fold(0, u64::saturating_add)
    }
}
