//! The canonical text of steps, as the reward model reads it.

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
    let Layout::JsonList = layout;
    let mut writer = ListWriter::default();
    let segment = |step: &Step| Segment { text: writer.step(step), marker: step.marker() };
    steps.iter().map(segment).collect()
}

/// What of a list of calls is open.
#[derive(Default)]
struct ListWriter {
    list: bool,
    call: bool,
    /// Whether the call has a member.
    member: bool,
    arguments: bool,
}

impl ListWriter {
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
                *self = ListWriter { list: true, ..ListWriter::default() };
                before + "}"
            }
            Step::TotalFinish if self.list => "]".to_owned(),
            Step::TotalFinish => {
                self.list = true;
                "[]".to_owned()
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
        if std::mem::replace(&mut self.list, true) { ", {" } else { "[{" }.to_owned()
    }
}
