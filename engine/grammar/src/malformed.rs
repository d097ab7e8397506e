//! Why text is not an answer: the one vocabulary of refusals that parser and values share.

use std::fmt;

/// Why the parser refused a byte. What makes JSON invalid here is what `serde_json` refuses; the
/// rest is the shape of an answer (DESIGN, "The answer grammar") and the bounds of
/// [`Limits`](crate::Limits).
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// A byte that no answer has at this place.
    #[error("unexpected byte {}: expected {expected}", Printable(*byte))]
    UnexpectedByte {
        /// The byte found.
        byte: u8,
        /// What may stand here.
        expected: &'static str,
    },
    /// A string's bytes are not UTF-8.
    #[error("string is not UTF-8: encode it as UTF-8")]
    InvalidUtf8,
    /// A raw byte below 0x20 inside a string.
    #[error("raw control character 0x{0:02x} in a string: escape it as \\u{0:04x}")]
    ControlCharacter(u8),
    /// A backslash followed by something that JSON does not know.
    #[error("unknown escape in a string: write one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX")]
    UnknownEscape,
    /// Half of a surrogate pair.
    #[error("lone surrogate escape in a string: write both halves of the pair")]
    LoneSurrogate,
    /// A number that no finite 64-bit float comes near.
    #[error("number is outside the range of a 64-bit float: use a smaller one")]
    NumberOutOfRange,
    /// A key of a call other than `name` and `arguments`.
    #[error("unknown key {0:?} in a call: only \"name\" and \"arguments\" may stand there")]
    UnknownKey(String),
    /// `name` or `arguments` twice in one call.
    #[error("repeated key {0:?} in a call: give it once")]
    RepeatedKey(&'static str),
    /// A call that closes without `name` or without `arguments`.
    #[error("call without {0:?}: give both \"name\" and \"arguments\"")]
    MissingKey(&'static str),
    /// `name` is not a string.
    #[error("\"name\" of a call is not a string: give the function's name in quotes")]
    NameNotString,
    /// `arguments` is not an object.
    #[error("\"arguments\" of a call is not an object: give one, {{}} if there are none")]
    ArgumentsNotObject,
    /// A value nested more deeply than [`Limits::depth`](crate::Limits).
    #[error("value is nested more than {0} deep: flatten it")]
    TooDeep(u32),
    /// A string or value longer than its limit in bytes.
    #[error("text is longer than {0} bytes: shorten it")]
    TooLong(u32),
    /// More calls than [`Limits::calls`](crate::Limits).
    #[error("more than {0} calls in one answer: make fewer")]
    TooManyCalls(u32),
    /// More arguments in one call than [`Limits::arguments`](crate::Limits).
    #[error("more than {0} arguments in one call: give fewer")]
    TooManyArguments(u32),
    /// The text ends inside a value. Never a parser's status (that is `Unfinished`); only whole
    /// texts, such as those given to [`Value::parse`](crate::Value::parse), can end too early.
    #[error("text ends too early: close what is open")]
    UnexpectedEnd,
}

/// A whole text that is not what it should be, with the byte where that shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("malformed at byte {offset}: {reason}")]
pub struct Malformed {
    /// Offset of the refused byte from the start of the text; its length if it ends too early.
    pub offset: usize,
    /// Why it was refused.
    pub reason: InvalidReason,
}

struct Printable(u8);

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}

/// What everything that reads one byte returns on refusal.
pub(crate) fn unexpected<T>(byte: u8, expected: &'static str) -> Result<T, InvalidReason> {
    Err(InvalidReason::UnexpectedByte { byte, expected })
}
