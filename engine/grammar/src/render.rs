//! The canonical text of steps, as the reward model reads it and as a tool choice dictates it.

use crate::answer::{Marker, Step};
use crate::parser::Layout;
use crate::value::quote;

/// A piece of the canonical text and the marker after it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The text since the previous marker.
    pub text: String,
    /// The marker that follows it.
    pub marker: Marker,
}

/// The canonical text of `steps`, one segment for each. What a segment says depends on the steps
/// before it and on nothing else: steps that are added at the end change no segment. Steps in an
/// order that no answer has (see [`first_misplaced`](crate::first_misplaced)) give text, but none
/// that parses.
///
/// ```
/// use toolbeam_grammar::{Layout, Parser, render::segments};
///
/// let mut parser = Parser::new(Layout::JsonList);
/// let boundaries = parser.feed(br#"[ {"name":"f","arguments":{"a":1e2}} ]"#);
/// let steps: Vec<_> = boundaries.into_iter().map(|boundary| boundary.step).collect();
/// let text: String = segments(Layout::JsonList, &steps)
///     .into_iter()
///     .map(|segment| segment.text + segment.marker.token())
///     .collect();
/// assert_eq!(
///     text,
///     r#"[{"name": "f"<FUNC_NAME>, "arguments": {"a": 100.0<ARG_VALUE>}<PARAM_FINISH>"#.to_owned()
///         + "}<FUNC_FINISH>]<TOTAL_FINISH>"
/// );
/// ```
pub fn segments(layout: Layout, steps: &[Step]) -> Vec<Segment> {
    let mut writer = Writer::new(frame(layout));
    let segment = |step: &Step| Segment { text: writer.step(step), marker: step.marker() };
    steps.iter().map(segment).collect()
}

/// The canonical text of an answer up to where the name of its first call begins, its opening quote
/// included.
pub fn opening(layout: Layout) -> String {
    frame(layout).first.to_owned() + "\"name\": \""
}

/// The canonical text that ends an answer after the brace that closes a call. In [`Layout::Hermes`]
/// the end of the turn belongs behind it.
pub fn closing(layout: Layout) -> &'static str {
    frame(layout).last
}

/// What stands around calls.
struct Frame {
    /// An answer without calls.
    none: &'static str,
    /// Before the first call, its brace included.
    first: &'static str,
    /// Between the braces of two calls, the latter included.
    next: &'static str,
    /// After the last call's brace.
    last: &'static str,
}

fn frame(layout: Layout) -> &'static Frame {
    match layout {
        Layout::JsonList => &Frame { none: "[]", first: "[{", next: ", {", last: "]" },
        Layout::Hermes => &Frame {
            none: "",
            first: "<tool_call>\n{",
            next: "\n</tool_call>\n<tool_call>\n{",
            last: "\n</tool_call>",
        },
    }
}

/// What of an answer is open.
struct Writer {
    frame: &'static Frame,
    /// Whether there was a call.
    list: bool,
    call: bool,
    /// Whether the call has a member.
    member: bool,
    arguments: bool,
}

impl Writer {
    fn new(frame: &'static Frame) -> Writer {
        Writer { frame, list: false, call: false, member: false, arguments: false }
    }

    /// The text of the next step.
    fn step(&mut self, step: &Step) -> String {
        match step {
            Step::FuncName(name) => self.key("name") + &quote(name),
            Step::ArgValue { key, value } => {
                let before = if self.arguments { ", ".to_owned() } else { self.open_arguments() };
                format!("{before}{}: {value}", quote(key))
            }
            Step::ParamFinish => {
                let before = if self.arguments { String::new() } else { self.open_arguments() };
                self.arguments = false;
                before + "}"
            }
            Step::FuncFinish => {
                let before = if self.call { String::new() } else { self.open_call() };
                *self = Writer { list: true, ..Writer::new(self.frame) };
                before + "}"
            }
            Step::TotalFinish if self.list => self.frame.last.to_owned(),
            Step::TotalFinish => {
                self.list = true;
                self.frame.none.to_owned()
            }
        }
    }

    fn open_arguments(&mut self) -> String {
        self.arguments = true;
        self.key("arguments") + "{"
    }

    /// A key of the call and what comes before it.
    fn key(&mut self, key: &str) -> String {
        let before = if self.call { String::new() } else { self.open_call() };
        let comma = if std::mem::replace(&mut self.member, true) { ", " } else { "" };
        format!("{before}{comma}\"{key}\": ")
    }

    fn open_call(&mut self) -> String {
        self.call = true;
        let before = if self.list { self.frame.next } else { self.frame.first };
        self.list = true;
        before.to_owned()
    }
}
