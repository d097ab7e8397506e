//! JSON's strings, numbers and literals, a byte at a time.

use crate::malformed::{InvalidReason, unexpected};
use crate::value::{Value, is_whitespace};

/// A string being read, from the byte after its opening quote. What was read is kept decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Text {
    decoded: String,
    pending: Pending,
}

/// The bytes of a character that is not complete yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Pending {
    #[default]
    Nothing,
    /// The first `length` bytes of a UTF-8 sequence.
    Utf8 { bytes: [u8; 4], length: usize },
    /// A backslash.
    Escape,
    /// `\u` and `digits` hexadecimal digits worth `unit`, after an escaped `high` surrogate.
    Hex { high: Option<u16>, unit: u16, digits: u8 },
    /// A high surrogate, of whose low one nothing has been read.
    High(u16),
    /// A high surrogate and the backslash of its low one.
    HighEscape(u16),
}

impl Text {
    /// Reads one byte; true if it is the closing quote. The decoded text may have `limit` bytes.
    pub(crate) fn feed(&mut self, byte: u8, limit: u32) -> Result<bool, InvalidReason> {
        let read = match std::mem::take(&mut self.pending) {
            Pending::Nothing => match byte {
                b'"' => return Ok(true),
                b'\\' => return self.wait(Pending::Escape),
                ..=0x1f => return Err(InvalidReason::ControlCharacter(byte)),
                0x20..=0x7f => char::from(byte),
                _ => match utf8([0; 4], 0, byte)? {
                    Ok(character) => character,
                    Err(pending) => return self.wait(pending),
                },
            },
            Pending::Utf8 { bytes, length } => match utf8(bytes, length, byte)? {
                Ok(character) => character,
                Err(pending) => return self.wait(pending),
            },
            Pending::Escape => match byte {
                b'"' | b'\\' | b'/' => char::from(byte),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    return self.wait(Pending::Hex { high: None, unit: 0, digits: 0 });
                }
                _ => return Err(InvalidReason::UnknownEscape),
            },
            Pending::Hex { high, unit, digits } => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return Err(InvalidReason::UnknownEscape);
                };
                let unit = unit << 4 | digit as u16;
                if digits < 3 {
                    return self.wait(Pending::Hex { high, unit, digits: digits + 1 });
                }
                match utf16(high, unit)? {
                    Ok(character) => character,
                    Err(pending) => return self.wait(pending),
                }
            }
            Pending::High(high) if byte == b'\\' => {
                return self.wait(Pending::HighEscape(high));
            }
            Pending::HighEscape(high) if byte == b'u' => {
                return self.wait(Pending::Hex { high: Some(high), unit: 0, digits: 0 });
            }
            Pending::High(_) | Pending::HighEscape(_) => return Err(InvalidReason::LoneSurrogate),
        };
        self.decoded.push(read);
        if self.decoded.len() > limit as usize {
            return Err(InvalidReason::TooLong(limit));
        }
        Ok(false)
    }

    /// Reads the printable ASCII that `bytes` begin with, up to a quote, a backslash or the limit. How many
    /// bytes that was; what is next is for [`feed`](Text::feed).
    pub(crate) fn run(&mut self, bytes: &[u8], limit: u32) -> usize {
        if self.pending != Pending::Nothing {
            return 0;
        }
        let room = (limit as usize).saturating_sub(self.decoded.len());
        let plain = |byte: &u8| matches!(byte, 0x20..=0x7e) && !matches!(byte, b'"' | b'\\');
        let length = bytes.iter().take(room).take_while(|byte| plain(byte)).count();
        match std::str::from_utf8(&bytes[..length]) {
            Ok(text) => self.decoded.push_str(text),
            Err(_) => return 0,
        }
        length
    }

    fn wait(&mut self, pending: Pending) -> Result<bool, InvalidReason> {
        self.pending = pending;
        Ok(false)
    }

    /// The decoded string.
    pub(crate) fn into_string(self) -> String {
        self.decoded
    }
}

/// A character, or what to wait with for the rest of it.
type Decoded = Result<char, Pending>;

fn utf8(mut bytes: [u8; 4], length: usize, byte: u8) -> Result<Decoded, InvalidReason> {
    let Some(place) = bytes.get_mut(length) else {
        return Err(InvalidReason::InvalidUtf8);
    };
    *place = byte;
    let length = length + 1;
    match std::str::from_utf8(&bytes[..length]) {
        Ok(text) => Ok(text.chars().next().ok_or(Pending::Nothing)),
        Err(error) if error.error_len().is_none() => Ok(Err(Pending::Utf8 { bytes, length })),
        Err(_) => Err(InvalidReason::InvalidUtf8),
    }
}

fn utf16(high: Option<u16>, unit: u16) -> Result<Decoded, InvalidReason> {
    let code = match (high, unit) {
        (None, 0xd800..=0xdbff) => return Ok(Err(Pending::High(unit))),
        (Some(high), 0xdc00..=0xdfff) => {
            0x10000 + (u32::from(high - 0xd800) << 10 | u32::from(unit - 0xdc00))
        }
        (Some(_), _) => return Err(InvalidReason::LoneSurrogate),
        (None, _) => u32::from(unit),
    };
    // Only the surrogates are no characters, and of those a lone low one is what is left.
    char::from_u32(code).map(Ok).ok_or(InvalidReason::LoneSurrogate)
}

/// A number or literal being read. It ends where its delimiter begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Number { text: String, part: Part },
    Literal { word: &'static str, read: usize },
}

/// What a number's last byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Scalar {
    /// The scalar that begins with this byte, if one does.
    pub(crate) fn begin(byte: u8) -> Option<Scalar> {
        let word = match byte {
            b't' => "true",
            b'f' => "false",
            b'n' => "null",
            _ => {
                let part = match byte {
                    b'-' => Part::Minus,
                    b'0' => Part::Zero,
                    b'1'..=b'9' => Part::Integer,
                    _ => return None,
                };
                return Some(Scalar::Number { text: char::from(byte).into(), part });
            }
        };
        Some(Scalar::Literal { word, read: 1 })
    }

    /// Reads one byte; false if the scalar ended before it, which only a delimiter can bring about.
    /// The text may have `limit` bytes.
    pub(crate) fn feed(&mut self, byte: u8, limit: u32) -> Result<bool, InvalidReason> {
        let ended = match self {
            Scalar::Literal { word, read } => match word.as_bytes().get(*read) {
                Some(&next) if next == byte => {
                    *read += 1;
                    return Ok(true);
                }
                Some(_) => return unexpected(byte, "the rest of true, false or null"),
                None => true,
            },
            Scalar::Number { text, part } => match part.next(byte) {
                Some(next) => {
                    *part = next;
                    // One spelling of the exponent, so that equal numbers leave equal parsers.
                    if byte != b'+' {
                        text.push(char::from(byte.to_ascii_lowercase()));
                    }
                    if text.len() > limit as usize {
                        return Err(InvalidReason::TooLong(limit));
                    }
                    return Ok(true);
                }
                None => part.may_end(),
            },
        };
        if !ended {
            return unexpected(byte, "the rest of a number");
        }
        if is_whitespace(byte) || matches!(byte, b',' | b'}' | b']') {
            return Ok(false);
        }
        unexpected(byte, "the end of a number or literal")
    }

    /// The value of a scalar that ended.
    pub(crate) fn into_value(self) -> Result<Value, InvalidReason> {
        match self {
            Scalar::Number { text, .. } => Value::number(&text),
            Scalar::Literal { word, .. } => Ok(Value::literal(word)),
        }
    }
}

impl Part {
    fn next(self, byte: u8) -> Option<Part> {
        Some(match (self, byte) {
            (Part::Minus, b'0') => Part::Zero,
            (Part::Minus, b'1'..=b'9') | (Part::Integer, b'0'..=b'9') => Part::Integer,
            (Part::Zero | Part::Integer, b'.') => Part::Point,
            (Part::Point | Part::Fraction, b'0'..=b'9') => Part::Fraction,
            (Part::Zero | Part::Integer | Part::Fraction, b'e' | b'E') => Part::Exponent,
            (Part::Exponent, b'+' | b'-') => Part::ExponentSign,
            (Part::Exponent | Part::ExponentSign | Part::ExponentDigits, b'0'..=b'9') => Part::ExponentDigits,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Part::Zero | Part::Integer | Part::Fraction | Part::ExponentDigits)
    }
}
