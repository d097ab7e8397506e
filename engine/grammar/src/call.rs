//! One call: an object with a `name` and `arguments`, in either order.

use crate::answer::Step;
use crate::arguments::Arguments;
use crate::lexer::Text;
use crate::limits::Limits;
use crate::malformed::{InvalidReason, unexpected};
use crate::parser::{Sink, State};
use crate::value::is_whitespace;

const NAME: &str = "name";
const ARGUMENTS: &str = "arguments";
/// Room for either key, whatever the limit on the names that a model chooses.
const KEY_BYTES: u32 = 16;

/// A call being read, from the byte after its opening brace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct CallReader {
    place: Place,
    has_name: bool,
    has_arguments: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Place {
    #[default]
    FirstKey,
    NextKey,
    Key(Text),
    NameColon,
    NameQuote,
    Name(Text),
    ArgumentsColon,
    ArgumentsBrace,
    Arguments(Arguments),
    AfterMember,
}

impl CallReader {
    /// Reads one byte; true if it is the closing brace. Steps that it completes go to `sink`.
    pub(crate) fn feed(
        &mut self,
        byte: u8,
        limits: &Limits,
        sink: &mut Sink<'_>,
    ) -> Result<bool, InvalidReason> {
        self.place = match (&mut self.place, byte) {
            (Place::Arguments(arguments), byte) => {
                if !arguments.feed(byte, limits, sink)? {
                    return Ok(false);
                }
                sink.ends(Step::ParamFinish);
                Place::AfterMember
            }
            (Place::Key(text), byte) => {
                if !text.feed(byte, limits.name_bytes.max(KEY_BYTES))? {
                    return Ok(false);
                }
                let key = std::mem::take(text).into_string();
                self.member(key)?
            }
            (Place::Name(text), byte) => {
                if !text.feed(byte, limits.name_bytes)? {
                    return Ok(false);
                }
                sink.ends(Step::FuncName(std::mem::take(text).into_string().into()));
                Place::AfterMember
            }
            (_, byte) if is_whitespace(byte) => return Ok(false),
            (Place::FirstKey | Place::NextKey, b'"') => Place::Key(Text::default()),
            (Place::NameColon, b':') => Place::NameQuote,
            (Place::NameQuote, b'"') => Place::Name(Text::default()),
            (Place::ArgumentsColon, b':') => Place::ArgumentsBrace,
            (Place::ArgumentsBrace, b'{') => Place::Arguments(Arguments::default()),
            (Place::AfterMember, b',') => Place::NextKey,
            (Place::FirstKey | Place::AfterMember, b'}') => {
                self.complete()?;
                sink.ends(Step::FuncFinish);
                return Ok(true);
            }
            (Place::FirstKey | Place::NextKey, _) => {
                return unexpected(byte, "\"name\" or \"arguments\"");
            }
            (Place::NameColon | Place::ArgumentsColon, _) => return unexpected(byte, "':'"),
            (Place::NameQuote, _) => return Err(InvalidReason::NameNotString),
            (Place::ArgumentsBrace, _) => return Err(InvalidReason::ArgumentsNotObject),
            (Place::AfterMember, _) => return unexpected(byte, "',' or '}'"),
        };
        Ok(false)
    }

    /// Reads what it can of `bytes` at once: the inside of a string. How many bytes that was, which may be none.
    pub(crate) fn run(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        match &mut self.place {
            Place::Key(text) => text.run(bytes, limits.name_bytes.max(KEY_BYTES)),
            Place::Name(text) => text.run(bytes, limits.name_bytes),
            Place::Arguments(arguments) => arguments.run(bytes, limits),
            _ => 0,
        }
    }

    /// What follows this key.
    fn member(&mut self, key: String) -> Result<Place, InvalidReason> {
        let (seen, name, place) = match key.as_str() {
            NAME => (&mut self.has_name, NAME, Place::NameColon),
            ARGUMENTS => (&mut self.has_arguments, ARGUMENTS, Place::ArgumentsColon),
            _ => return Err(InvalidReason::UnknownKey(key)),
        };
        if std::mem::replace(seen, true) {
            return Err(InvalidReason::RepeatedKey(name));
        }
        Ok(place)
    }

    fn complete(&self) -> Result<(), InvalidReason> {
        match (self.has_name, self.has_arguments) {
            (true, true) => Ok(()),
            (false, _) => Err(InvalidReason::MissingKey(NAME)),
            (true, false) => Err(InvalidReason::MissingKey(ARGUMENTS)),
        }
    }

    pub(crate) fn state(&self) -> State {
        match &self.place {
            Place::Arguments(arguments) if arguments.in_value() => State::Value,
            Place::ArgumentsColon | Place::ArgumentsBrace | Place::Arguments(_) => State::ParameterName,
            Place::NameColon | Place::NameQuote | Place::Name(_) => State::FunctionName,
            // Between members, what is missing is selected next.
            _ if self.has_name && !self.has_arguments => State::ParameterName,
            _ => State::FunctionName,
        }
    }
}
