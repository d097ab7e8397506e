//! The layout `json_list`: a list of calls, whitespace and a fence around it.

use crate::answer::Step;
use crate::call::CallReader;
use crate::limits::Limits;
use crate::malformed::{InvalidReason, unexpected};
use crate::parser::{Sink, State};
use crate::value::is_whitespace;

/// The opening fence with its language; the closing one is its first [`FENCE`] bytes.
const OPENING: &[u8] = b"```json";
const FENCE: usize = 3;

/// An answer being read, from its first byte. The opening and closing fence are optional each:
/// prompts may end with the opening one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct JsonList {
    place: Place,
    calls: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Place {
    #[default]
    Start,
    /// Inside the opening fence, of which so many bytes were read.
    Opening(usize),
    List,
    FirstCall,
    NextCall,
    Call(CallReader),
    AfterCall,
    Done,
    /// Inside the closing fence, of which so many bytes were read.
    Closing(usize),
    Closed,
}

impl JsonList {
    /// Reads one byte. Steps that it completes go to `sink`.
    pub(crate) fn feed(
        &mut self,
        byte: u8,
        limits: &Limits,
        sink: &mut Sink<'_>,
    ) -> Result<(), InvalidReason> {
        self.place = match (&mut self.place, byte) {
            (Place::Call(call), byte) => {
                if !call.feed(byte, limits, sink)? {
                    return Ok(());
                }
                Place::AfterCall
            }
            (Place::Opening(read), byte) => opening(*read, byte)?,
            (Place::Closing(read), b'`') if *read + 1 < FENCE => Place::Closing(*read + 1),
            (Place::Closing(_), b'`') => Place::Closed,
            (Place::Closing(_), _) => return unexpected(byte, "the rest of ```"),
            (_, byte) if is_whitespace(byte) => return Ok(()),
            (Place::Start, b'`') => Place::Opening(1),
            (Place::Start | Place::List, b'[') => Place::FirstCall,
            (Place::FirstCall | Place::NextCall, b'{') => self.call(limits)?,
            (Place::FirstCall | Place::AfterCall, b']') => {
                sink.ends(Step::TotalFinish);
                Place::Done
            }
            (Place::AfterCall, b',') => Place::NextCall,
            (Place::Done, b'`') => Place::Closing(1),
            (place, _) => return unexpected(byte, place.expected()),
        };
        Ok(())
    }

    /// Reads what it can of `bytes` at once: the inside of a string. How many bytes that was, which may be none.
    pub(crate) fn run(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        match &mut self.place {
            Place::Call(call) => call.run(bytes, limits),
            _ => 0,
        }
    }

    fn call(&mut self, limits: &Limits) -> Result<Place, InvalidReason> {
        if self.calls >= limits.calls {
            return Err(InvalidReason::TooManyCalls(limits.calls));
        }
        self.calls += 1;
        Ok(Place::Call(CallReader::default()))
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.place, Place::Done | Place::Closing(_) | Place::Closed)
    }

    pub(crate) fn state(&self) -> State {
        match &self.place {
            Place::Start | Place::Opening(_) | Place::List => State::Initial,
            Place::FirstCall | Place::NextCall | Place::AfterCall => State::FunctionName,
            Place::Call(call) => call.state(),
            Place::Done | Place::Closing(_) | Place::Closed => State::Terminated,
        }
    }
}

impl Place {
    /// What a refusal here says.
    fn expected(&self) -> &'static str {
        match self {
            Place::Start | Place::Opening(_) => "'[' or a fence",
            Place::List => "'['",
            Place::FirstCall => "'{' or ']'",
            Place::NextCall | Place::Call(_) => "'{'",
            Place::AfterCall => "',' or ']'",
            Place::Done | Place::Closing(_) => "nothing but a fence after the list",
            Place::Closed => "nothing after the fence",
        }
    }
}

/// Where a byte leads after `read` bytes of the opening fence.
fn opening(read: usize, byte: u8) -> Result<Place, InvalidReason> {
    let may_end = read == FENCE || read == OPENING.len();
    match byte {
        b'[' if may_end => Ok(Place::FirstCall),
        byte if may_end && is_whitespace(byte) => Ok(Place::List),
        byte if OPENING.get(read) == Some(&byte) => Ok(Place::Opening(read + 1)),
        _ => unexpected(byte, "``` or ```json before the list"),
    }
}
