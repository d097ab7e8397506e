//! The object behind `arguments`: keys and values, each value a step.

use std::sync::Arc;

use crate::answer::{Boundary, Step};
use crate::lexer::Text;
use crate::limits::Limits;
use crate::malformed::{InvalidReason, Malformed, unexpected};
use crate::parser::Sink;
use crate::reader::{Read, Reader};
use crate::value::{Value, is_whitespace};

/// The arguments of a call being read, from the byte after the opening brace. A repeated key is
/// accepted: it is a decision, and a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Arguments {
    place: Place,
    count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Place {
    #[default]
    FirstKey,
    NextKey,
    Key(Text),
    Colon(Arc<str>),
    Value(Arc<str>, Reader),
    AfterValue,
}

impl Arguments {
    /// Reads one byte; true if it is the closing brace. Values that it completes go to `sink`.
    pub(crate) fn feed(
        &mut self,
        byte: u8,
        limits: &Limits,
        sink: &mut Sink<'_>,
    ) -> Result<bool, InvalidReason> {
        self.place = match (&mut self.place, byte) {
            (Place::Key(text), byte) => {
                if !text.feed(byte, limits.name_bytes)? {
                    return Ok(false);
                }
                Place::Colon(std::mem::take(text).into_string().into())
            }
            (Place::Value(key, reader), byte) => match reader.feed(byte, limits)? {
                Read::More => return Ok(false),
                Read::Ends(value) => {
                    sink.ends(Step::ArgValue { key: Arc::clone(key), value });
                    Place::AfterValue
                }
                Read::Ended(_) if byte == b']' => return unexpected(byte, "',' or '}'"),
                Read::Ended(value) => {
                    sink.ended(Step::ArgValue { key: Arc::clone(key), value });
                    self.place = Place::AfterValue;
                    return self.after_value(byte);
                }
            },
            (Place::AfterValue, byte) => return self.after_value(byte),
            (_, byte) if is_whitespace(byte) => return Ok(false),
            (Place::FirstKey, b'}') => return Ok(true),
            (Place::FirstKey | Place::NextKey, b'"') => {
                if self.count >= limits.arguments {
                    return Err(InvalidReason::TooManyArguments(limits.arguments));
                }
                self.count += 1;
                Place::Key(Text::default())
            }
            (Place::FirstKey, _) => return unexpected(byte, "an argument's name or '}'"),
            (Place::NextKey, _) => return unexpected(byte, "an argument's name"),
            (Place::Colon(key), b':') => Place::Value(Arc::clone(key), Reader::default()),
            (Place::Colon(_), _) => return unexpected(byte, "':'"),
        };
        Ok(false)
    }

    /// Reads what it can of `bytes` at once: the inside of a string. How many bytes that was, which may be none.
    pub(crate) fn run(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        match &mut self.place {
            Place::Key(text) => text.run(bytes, limits.name_bytes),
            Place::Value(_, reader) => reader.run(bytes, limits),
            _ => 0,
        }
    }

    fn after_value(&mut self, byte: u8) -> Result<bool, InvalidReason> {
        match byte {
            b',' => self.place = Place::NextKey,
            b'}' => return Ok(true),
            byte if is_whitespace(byte) => {}
            _ => return unexpected(byte, "',' or '}'"),
        }
        Ok(false)
    }

    /// Whether an argument's value is next or being read.
    pub(crate) fn in_value(&self) -> bool {
        matches!(self.place, Place::Value(..))
    }
}

/// The arguments in the text of a JSON object, repeated ones included.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Value)>, Malformed> {
    let limits = Limits::default();
    let mut boundaries: Vec<Boundary> = Vec::new();
    let mut open = None;
    let mut closed = false;
    for (offset, byte) in text.bytes().enumerate() {
        let mut sink = Sink { at: offset, boundaries: &mut boundaries };
        let read = match &mut open {
            Some(arguments) if !closed => Arguments::feed(arguments, byte, &limits, &mut sink),
            _ if is_whitespace(byte) => Ok(closed),
            Some(_) => unexpected(byte, "nothing after the arguments"),
            None if byte == b'{' => {
                open = Some(Arguments::default());
                Ok(false)
            }
            None => Err(InvalidReason::ArgumentsNotObject),
        };
        closed = read.map_err(|reason| Malformed { offset, reason })?;
    }
    if !closed {
        return Err(Malformed { offset: text.len(), reason: InvalidReason::UnexpectedEnd });
    }
    let pair = |boundary: Boundary| match boundary.step {
        Step::ArgValue { key, value } => Some((key.to_string(), value)),
        _ => None,
    };
    Ok(boundaries.into_iter().filter_map(pair).collect())
}
