//! One JSON value of any nesting, a byte at a time and without recursion.

use crate::lexer::{Scalar, Text};
use crate::limits::Limits;
use crate::malformed::{InvalidReason, unexpected};
use crate::value::{Value, is_whitespace};

/// A value being read. Everything inside it that is complete is kept in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Reader {
    open: Vec<Container>,
    expect: Expect,
    /// What [`Limits::value_bytes`] counts.
    bytes: u32,
}

/// An array or object that is open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Container {
    Array(Vec<Value>),
    Object { members: Vec<(String, Value)>, key: String },
}

/// What may stand next, or is being read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Expect {
    #[default]
    Value,
    FirstElement,
    FirstKey,
    NextKey,
    Colon,
    CommaOrClose,
    Key(Text),
    String(Text),
    Scalar(Scalar),
}

/// What one byte did.
pub(crate) enum Read {
    /// The value goes on.
    More,
    /// The byte is the value's last.
    Ends(Value),
    /// The value ended before the byte, which is a delimiter and was not read.
    Ended(Value),
}

impl Reader {
    pub(crate) fn feed(&mut self, byte: u8, limits: &Limits) -> Result<Read, InvalidReason> {
        let room = limits.value_bytes.saturating_sub(self.bytes);
        match std::mem::take(&mut self.expect) {
            Expect::Key(mut text) => {
                if !text.feed(byte, room).map_err(|reason| in_value(reason, limits))? {
                    return self.wait(Expect::Key(text));
                }
                let text = text.into_string();
                self.count(text.len(), limits)?;
                if let Some(Container::Object { key, .. }) = self.open.last_mut() {
                    *key = text;
                }
                self.wait(Expect::Colon)
            }
            Expect::String(mut text) => {
                if !text.feed(byte, room).map_err(|reason| in_value(reason, limits))? {
                    return self.wait(Expect::String(text));
                }
                let text = text.into_string();
                self.count(text.len(), limits)?;
                Ok(self.complete(Value::string(&text)))
            }
            Expect::Scalar(mut scalar) => {
                if scalar.feed(byte, room).map_err(|reason| in_value(reason, limits))? {
                    return self.wait(Expect::Scalar(scalar));
                }
                let value = scalar.into_value()?;
                self.count(value.as_str().len(), limits)?;
                match self.complete(value) {
                    Read::Ends(value) => Ok(Read::Ended(value)),
                    _ => self.between(byte, Expect::CommaOrClose, limits),
                }
            }
            expect => self.between(byte, expect, limits),
        }
    }

    /// Reads what it can of `bytes` at once: the inside of a string. How many bytes that was, which may be none.
    pub(crate) fn run(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        let room = limits.value_bytes.saturating_sub(self.bytes);
        match &mut self.expect {
            Expect::Key(text) | Expect::String(text) => text.run(bytes, room),
            _ => 0,
        }
    }

    /// Reads a byte that belongs to no string, number or literal.
    fn between(&mut self, byte: u8, expect: Expect, limits: &Limits) -> Result<Read, InvalidReason> {
        match (expect, byte) {
            (expect, byte) if is_whitespace(byte) => self.wait(expect),
            (Expect::FirstElement, b']') | (Expect::FirstKey, b'}') => Ok(self.close()),
            (Expect::Value | Expect::FirstElement, _) => self.begin(byte, limits),
            (Expect::FirstKey | Expect::NextKey, b'"') => self.wait(Expect::Key(Text::default())),
            (Expect::FirstKey | Expect::NextKey, _) => unexpected(byte, "a key in quotes"),
            (Expect::Colon, b':') => self.wait(Expect::Value),
            (Expect::Colon, _) => unexpected(byte, "':'"),
            (_, byte) => match (self.open.last(), byte) {
                (Some(Container::Array(_)), b',') => self.wait(Expect::Value),
                (Some(Container::Object { .. }), b',') => self.wait(Expect::NextKey),
                (Some(Container::Array(_)), b']') => Ok(self.close()),
                (Some(Container::Object { .. }), b'}') => Ok(self.close()),
                (Some(Container::Array(_)), _) => unexpected(byte, "',' or ']'"),
                _ => unexpected(byte, "',' or '}'"),
            },
        }
    }

    fn begin(&mut self, byte: u8, limits: &Limits) -> Result<Read, InvalidReason> {
        let (container, expect) = match byte {
            b'"' => return self.wait(Expect::String(Text::default())),
            b'[' => (Container::Array(Vec::new()), Expect::FirstElement),
            b'{' => {
                let object = Container::Object { members: Vec::new(), key: String::new() };
                (object, Expect::FirstKey)
            }
            _ => match Scalar::begin(byte) {
                Some(scalar) => return self.wait(Expect::Scalar(scalar)),
                None => return unexpected(byte, "a value"),
            },
        };
        if self.open.len() >= limits.depth as usize {
            return Err(InvalidReason::TooDeep(limits.depth));
        }
        self.count(0, limits)?;
        self.open.push(container);
        self.wait(expect)
    }

    /// Puts a complete value into what contains it.
    fn complete(&mut self, value: Value) -> Read {
        match self.open.last_mut() {
            None => return Read::Ends(value),
            Some(Container::Array(elements)) => elements.push(value),
            Some(Container::Object { members, key }) => {
                members.push((std::mem::take(key), value));
            }
        }
        self.expect = Expect::CommaOrClose;
        Read::More
    }

    /// Closes the innermost container, the byte being its closing bracket.
    fn close(&mut self) -> Read {
        match self.open.pop() {
            None => Read::More,
            Some(Container::Array(elements)) => self.complete(Value::array(&elements)),
            Some(Container::Object { members, .. }) => self.complete(Value::object(members)),
        }
    }

    fn wait(&mut self, expect: Expect) -> Result<Read, InvalidReason> {
        self.expect = expect;
        Ok(Read::More)
    }

    fn count(&mut self, bytes: usize, limits: &Limits) -> Result<(), InvalidReason> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(2);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > limits.value_bytes {
            return Err(InvalidReason::TooLong(limits.value_bytes));
        }
        Ok(())
    }
}

/// A string or scalar is told the room that is left; the refusal names the whole value's limit.
fn in_value(reason: InvalidReason, limits: &Limits) -> InvalidReason {
    match reason {
        InvalidReason::TooLong(_) => InvalidReason::TooLong(limits.value_bytes),
        reason => reason,
    }
}
