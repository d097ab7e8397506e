//! The layout `hermes`: calls in `<tool_call>` blocks, with free text around them.

use crate::answer::Step;
use crate::call::CallReader;
use crate::limits::Limits;
use crate::malformed::{InvalidReason, unexpected};
use crate::parser::{Sink, State};
use crate::value::is_whitespace;

// `<` stands in none of these but at its beginning, which is what `advance` relies on.
const OPEN: &[u8] = b"<tool_call>";
const CLOSE: &[u8] = b"</tool_call>";
const THINK: &[u8] = b"<think>";
const THOUGHT: &[u8] = b"</think>";

/// So many bytes are the same at the beginning of [`THINK`] and [`OPEN`].
const SHARED: usize = 2;

/// An answer being read, from its first byte. Text leaves no trace in it, so that answers that
/// differ in their text alone are equal; [`content`] finds it in the answer's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Hermes {
    place: Place,
    calls: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Place {
    /// Nothing but whitespace was read, so that a thought may begin.
    #[default]
    Start,
    /// Inside `<think>`, of which so many bytes were read, at least one.
    Think(usize),
    /// Inside the thought, at whose end so many bytes of `</think>` stand.
    Thought(usize),
    /// Inside text, at whose end so many bytes of `<tool_call>` stand.
    Text(usize),
    BeforeCall,
    Call(CallReader),
    AfterCall,
    /// Inside `</tool_call>`, of which so many bytes were read, at least one.
    Closing(usize),
    /// The model ended its turn.
    Ended,
}

impl Hermes {
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
            (Place::Start | Place::BeforeCall | Place::AfterCall, byte) if is_whitespace(byte) => {
                return Ok(());
            }
            (Place::Start, byte) => think(0, byte),
            (Place::Think(read), byte) => think(*read, byte),
            (Place::Thought(read), byte) => match advance(THOUGHT, *read, byte) {
                read if read == THOUGHT.len() => Place::Text(0),
                read => Place::Thought(read),
            },
            (Place::Text(read), byte) => text(*read, byte),
            (Place::BeforeCall, b'{') => self.call(limits)?,
            (Place::BeforeCall, _) => return unexpected(byte, "'{' after <tool_call>"),
            (Place::AfterCall, byte) => closing(0, byte)?,
            (Place::Closing(read), byte) => closing(*read, byte)?,
            (Place::Ended, _) => return unexpected(byte, "nothing after the end of the turn"),
        };
        Ok(())
    }

    /// The model ended its turn: the answer is complete unless a block or the thought is open.
    pub(crate) fn end(&mut self, sink: &mut Sink<'_>) {
        if matches!(self.place, Place::Start | Place::Think(_) | Place::Text(_)) {
            sink.ended(Step::TotalFinish);
            self.place = Place::Ended;
        }
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
        matches!(self.place, Place::Ended)
    }

    pub(crate) fn state(&self) -> State {
        match &self.place {
            Place::Call(call) => call.state(),
            Place::Ended => State::Terminated,
            _ if self.is_outside() && self.calls == 0 => State::Initial,
            _ => State::FunctionName,
        }
    }

    /// Whether the thought or text is being read.
    fn is_outside(&self) -> bool {
        matches!(self.place, Place::Start | Place::Think(_) | Place::Thought(_) | Place::Text(_))
    }
}

/// Where a byte leads after `read` bytes of `<think>`. What turns out to be no thought is text.
fn think(read: usize, byte: u8) -> Place {
    match THINK.get(read) {
        Some(&next) if next == byte && read + 1 == THINK.len() => Place::Thought(0),
        Some(&next) if next == byte => Place::Think(read + 1),
        _ => text(if read <= SHARED { read } else { 0 }, byte),
    }
}

/// Where a byte leads in text at whose end `read` bytes of `<tool_call>` stand.
fn text(read: usize, byte: u8) -> Place {
    match advance(OPEN, read, byte) {
        read if read == OPEN.len() => Place::BeforeCall,
        read => Place::Text(read),
    }
}

/// Where a byte leads after `read` bytes of `</tool_call>`.
fn closing(read: usize, byte: u8) -> Result<Place, InvalidReason> {
    match CLOSE.get(read) {
        Some(&next) if next == byte && read + 1 == CLOSE.len() => Ok(Place::Text(0)),
        Some(&next) if next == byte => Ok(Place::Closing(read + 1)),
        _ => unexpected(byte, "</tool_call> after the call"),
    }
}

/// How many bytes of `tag` stand at the end once `byte` follows `read` of them.
fn advance(tag: &[u8], read: usize, byte: u8) -> usize {
    match tag.get(read) {
        Some(&next) if next == byte => read + 1,
        _ => usize::from(byte == tag[0]),
    }
}

/// The text of an answer, as a chat would show it: without the thought and the blocks, each piece
/// trimmed, empty ones left out, and a blank line between two. Bytes that are no UTF-8 show as
/// replacement characters.
pub(crate) fn content(answer: &[u8]) -> String {
    let (mut machine, limits) = (Hermes::default(), Limits::default());
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    for &byte in answer {
        let (outside, thinking) = (machine.is_outside(), matches!(machine.place, Place::Thought(_)));
        let mut sink = Sink { at: 0, boundaries: &mut Vec::new() };
        if machine.feed(byte, &limits, &mut sink).is_err() {
            break;
        }
        match machine.place {
            Place::BeforeCall if outside => {
                piece.truncate(piece.len() - (OPEN.len() - 1));
                pieces.push(std::mem::take(&mut piece));
            }
            Place::Text(_) if thinking => piece.clear(),
            _ if outside => piece.push(byte),
            _ => {}
        }
    }
    if !matches!(machine.place, Place::Thought(_)) {
        pieces.push(piece);
    }
    let pieces = pieces.iter().map(|piece| String::from_utf8_lossy(piece).trim().to_owned());
    pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("\n\n")
}
