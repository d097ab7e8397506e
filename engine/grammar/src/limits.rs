//! Bounds on what a parser keeps.

/// Bounds on an answer, so that a parser's state is bounded whatever a model writes. They count
/// what is kept, never whitespace, the spelling of an escape or text around the calls, so that two
/// spellings of one answer meet them at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Arrays and objects open at once inside one argument's value. At most
    /// [`Limits::MAX_DEPTH`]; a parser uses that where more is asked.
    pub depth: u32,
    /// Bytes of one argument's value: its decoded strings and canonical scalars, and two for each value
    /// and key inside it.
    pub value_bytes: u32,
    /// Bytes of a function's or argument's name, decoded.
    pub name_bytes: u32,
    /// Arguments of one call.
    pub arguments: u32,
    /// Calls of one answer.
    pub calls: u32,
}

impl Limits {
    /// The deepest nesting that can be asked for; `serde_json` reads no more than 128 levels, and
    /// an answer has three of its own.
    pub const MAX_DEPTH: u32 = 120;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth: 64, value_bytes: 64 * 1024, name_bytes: 64 * 1024, arguments: 1024, calls: 128 }
    }
}
