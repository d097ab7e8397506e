//! The parser's interface: bytes in, boundaries out.

use std::hash::{Hash, Hasher};

use crate::answer::{Boundary, Call, Step, calls_of};
use crate::hermes::{self, Hermes};
use crate::json_list::JsonList;
use crate::limits::Limits;
use crate::malformed::{InvalidReason, Malformed};

/// How a model writes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A JSON list of `{"name": ..., "arguments": {...}}`, as Hammer writes it, with optional
    /// whitespace and an optional fence around it. Complete at its final bracket.
    JsonList,
    /// Blocks of `<tool_call>`, one such object and `</tool_call>`, with any whitespace around the
    /// object, as Qwen writes them. The answer may begin with a thought, `<think>` to `</think>`,
    /// which is skipped; before, between and after the blocks there may be text, the answer's
    /// [`content`]. Complete when the model ends its turn outside of block and thought: text alone
    /// is the empty answer. A `</tool_call>` or `<think>` inside text is text.
    Hermes,
}

/// Where in an answer a parser stands (paper Figure 2). The discriminants are the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing of the list has been read, nor of a block.
    Initial = 0,
    /// Selecting a function name, or ending the answer instead.
    FunctionName = 1,
    /// Selecting a parameter name, or closing `arguments` instead.
    ParameterName = 2,
    /// Filling an argument's value.
    Value = 3,
    /// The answer is complete, or can never be.
    Terminated = 4,
}

/// Whether what was read is an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not yet, but it can become one.
    Unfinished,
    /// It is one. More whitespace or a closing fence of a list does not change that; anything else
    /// does.
    Complete,
    /// It is none, and nothing that follows can make it one.
    Invalid {
        /// Offset of the refused byte: as many bytes were accepted.
        offset: usize,
        /// Why it was refused.
        reason: InvalidReason,
    },
}

/// Reads an answer byte by byte, however the bytes are cut.
///
/// Nothing that a model writes is an error: an answer that is cut short is
/// [`Status::Unfinished`], one that is malformed is [`Status::Invalid`].
///
/// Parsers that are equal emit the same steps and statuses for all future input, up to offsets,
/// which count from each one's own start. Spellings that are behind a parser (whitespace, escapes,
/// a fence, text around the calls, the number `1e2` for `100.0`) leave no trace in it. Steps are
/// kept by the caller.
///
/// ```
/// use toolbeam_grammar::{Layout, Marker, Parser, Status};
///
/// let mut parser = Parser::new(Layout::JsonList);
/// let first = parser.feed(br#"[{"name": "add", "arguments": {"x": 12"#);
/// assert_eq!(first.len(), 1);
/// assert_eq!(first[0].step.marker(), Marker::FuncName);
///
/// // A number ends where its delimiter begins, so that the value was not known before.
/// let rest = parser.feed(b"}}]");
/// let markers: Vec<Marker> = rest.iter().map(|boundary| boundary.step.marker()).collect();
/// assert_eq!(markers, &Marker::ALL[1..]);
/// assert_eq!(parser.status(), Status::Complete);
/// ```
#[derive(Debug, Clone)]
pub struct Parser {
    layout: Layout,
    limits: Limits,
    machine: Machine,
    /// Bytes accepted so far.
    offset: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Machine {
    JsonList(JsonList),
    Hermes(Hermes),
    Invalid(InvalidReason),
}

impl Parser {
    /// A parser at the start of an answer, with the default [`Limits`].
    pub fn new(layout: Layout) -> Parser {
        Parser::with_limits(layout, Limits::default())
    }

    /// A parser at the start of an answer.
    pub fn with_limits(layout: Layout, limits: Limits) -> Parser {
        let limits = Limits { depth: limits.depth.min(Limits::MAX_DEPTH), ..limits };
        let machine = match layout {
            Layout::JsonList => Machine::JsonList(JsonList::default()),
            Layout::Hermes => Machine::Hermes(Hermes::default()),
        };
        Parser { layout, limits, machine, offset: 0 }
    }

    /// Reads more of the answer and returns the steps that these bytes completed, in order. Once
    /// the answer is invalid, input is ignored.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Boundary> {
        let mut boundaries = Vec::new();
        let mut rest = bytes;
        loop {
            let run = match &mut self.machine {
                Machine::JsonList(list) => list.run(rest, &self.limits),
                Machine::Hermes(hermes) => hermes.run(rest, &self.limits),
                Machine::Invalid(_) => break,
            };
            self.offset += run;
            let Some((&byte, after)) = rest[run..].split_first() else { break };
            rest = after;
            let mut sink = Sink { at: self.offset, boundaries: &mut boundaries };
            let read = match &mut self.machine {
                Machine::JsonList(list) => list.feed(byte, &self.limits, &mut sink),
                Machine::Hermes(hermes) => hermes.feed(byte, &self.limits, &mut sink),
                Machine::Invalid(_) => break,
            };
            match read {
                Ok(()) => self.offset += 1,
                Err(reason) => self.machine = Machine::Invalid(reason),
            }
        }
        boundaries
    }

    /// Tells the parser that the model ended its turn, and returns the steps that this completed.
    /// What is open stays unfinished: the end never closes a list, a block or a thought. Nothing
    /// may follow the end of a complete answer.
    pub fn end(&mut self) -> Vec<Boundary> {
        let mut boundaries = Vec::new();
        if let Machine::Hermes(hermes) = &mut self.machine {
            hermes.end(&mut Sink { at: self.offset, boundaries: &mut boundaries });
        }
        boundaries
    }

    /// Whether what was read is an answer.
    pub fn status(&self) -> Status {
        match &self.machine {
            Machine::JsonList(list) if list.is_complete() => Status::Complete,
            Machine::Hermes(hermes) if hermes.is_complete() => Status::Complete,
            Machine::JsonList(_) | Machine::Hermes(_) => Status::Unfinished,
            Machine::Invalid(reason) => Status::Invalid { offset: self.offset, reason: reason.clone() },
        }
    }

    /// Where in the answer the parser stands.
    pub fn state(&self) -> State {
        match &self.machine {
            Machine::JsonList(list) => list.state(),
            Machine::Hermes(hermes) => hermes.state(),
            Machine::Invalid(_) => State::Terminated,
        }
    }

    /// How many bytes were accepted.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The layout being read.
    pub fn layout(&self) -> Layout {
        self.layout
    }
}

impl PartialEq for Parser {
    fn eq(&self, other: &Parser) -> bool {
        self.layout == other.layout && self.limits == other.limits && self.machine == other.machine
    }
}

impl Eq for Parser {}

impl Hash for Parser {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.layout.hash(state);
        self.limits.hash(state);
        self.machine.hash(state);
    }
}

/// The calls of a whole answer's text.
///
/// # Errors
/// If the text is malformed or ends too early.
pub fn parse_calls(layout: Layout, text: &str) -> Result<Vec<Call>, Malformed> {
    let mut parser = Parser::new(layout);
    let mut boundaries = parser.feed(text.as_bytes());
    boundaries.extend(parser.end());
    if let Status::Invalid { offset, reason } = parser.status() {
        return Err(Malformed { offset, reason });
    }
    let steps: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    calls_of(&steps).ok_or(Malformed { offset: text.len(), reason: InvalidReason::UnexpectedEnd })
}

/// What an answer says beside its calls, as a chat would show it: in [`Layout::Hermes`] the text
/// without the thought, each piece between the blocks trimmed, empty ones left out, and a blank
/// line between two. In [`Layout::JsonList`] there is none.
///
/// ```
/// use toolbeam_grammar::{Layout, content};
///
/// let answer = b"<think>One call.</think>\n\nLet me see.\n<tool_call>\n{\"name\": \"f\", \
///     \"arguments\": {}}\n</tool_call>\nDone.";
/// assert_eq!(content(Layout::Hermes, answer), "Let me see.\n\nDone.");
/// ```
pub fn content(layout: Layout, answer: &[u8]) -> String {
    match layout {
        Layout::JsonList => String::new(),
        Layout::Hermes => hermes::content(answer),
    }
}

/// Where a layout's machine puts the steps that one byte completes.
pub(crate) struct Sink<'a> {
    /// Offset of the byte being read.
    pub(crate) at: usize,
    pub(crate) boundaries: &'a mut Vec<Boundary>,
}

impl Sink<'_> {
    /// A step whose last byte is the one being read.
    pub(crate) fn ends(&mut self, step: Step) {
        self.boundaries.push(Boundary { offset: self.at + 1, step });
    }

    /// A step that ended before the byte being read.
    pub(crate) fn ended(&mut self, step: Step) {
        self.boundaries.push(Boundary { offset: self.at, step });
    }
}
