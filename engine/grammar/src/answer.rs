//! What an answer consists of: steps, the markers after them, and the calls they make up.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::malformed::Malformed;
use crate::value::{Value, last_wins};

/// The token inserted at a boundary in the reward model's input (paper section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Marker {
    /// After a function's name.
    FuncName,
    /// After each value directly inside `arguments`.
    ArgValue,
    /// After the brace that closes `arguments`.
    ParamFinish,
    /// After the brace that closes a call.
    FuncFinish,
    /// After the whole answer.
    TotalFinish,
}

impl Marker {
    /// Every marker, in the order in which a call meets them.
    pub const ALL: [Marker; 5] =
        [Marker::FuncName, Marker::ArgValue, Marker::ParamFinish, Marker::FuncFinish, Marker::TotalFinish];

    /// The token's text, as it stands in a tokenizer's vocabulary.
    pub const fn token(self) -> &'static str {
        match self {
            Marker::FuncName => "<FUNC_NAME>",
            Marker::ArgValue => "<ARG_VALUE>",
            Marker::ParamFinish => "<PARAM_FINISH>",
            Marker::FuncFinish => "<FUNC_FINISH>",
            Marker::TotalFinish => "<TOTAL_FINISH>",
        }
    }

    /// Whether an expansion ends with the token that completes a step of this kind. Only
    /// `<FUNC_FINISH>` does not end one: the brace that closes a call decides nothing.
    pub const fn ends_expansion(self) -> bool {
        !matches!(self, Marker::FuncFinish)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// One labelled decision of an answer. Cheap to clone: beams that share decisions share their text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A function was named. The name is decoded.
    FuncName(Arc<str>),
    /// An argument was given.
    ArgValue {
        /// The argument's name, decoded.
        key: Arc<str>,
        /// Its value.
        value: Value,
    },
    /// `arguments` was closed.
    ParamFinish,
    /// A call was closed.
    FuncFinish,
    /// The answer was closed.
    TotalFinish,
}

impl Step {
    /// The marker that follows this step.
    pub const fn marker(&self) -> Marker {
        match self {
            Step::FuncName(_) => Marker::FuncName,
            Step::ArgValue { .. } => Marker::ArgValue,
            Step::ParamFinish => Marker::ParamFinish,
            Step::FuncFinish => Marker::FuncFinish,
            Step::TotalFinish => Marker::TotalFinish,
        }
    }
}

/// A completed step and where it was complete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Boundary {
    /// Bytes of the answer up to and including the step's last byte. A number or literal ends
    /// where its delimiter begins.
    pub offset: usize,
    /// The step.
    pub step: Step,
}

/// One function call. Two calls are equal if their names are and their arguments have the same
/// pairs; order does not count.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function's name. It may contain dots.
    pub name: String,
    /// The arguments in the order in which they were generated, each name once.
    pub arguments: Vec<(String, Value)>,
}

impl Call {
    /// The call of `name` with `arguments`, the text of a JSON object. Of a repeated argument the
    /// last value stands, as in every JSON parser.
    ///
    /// # Errors
    /// If `arguments` is not JSON, not an object, or beyond the default [`Limits`](crate::Limits).
    pub fn from_json(name: impl Into<String>, arguments: &str) -> Result<Call, Malformed> {
        let arguments = last_wins(crate::arguments::parse(arguments)?);
        Ok(Call { name: name.into(), arguments })
    }

    /// The arguments as the canonical text of one JSON object, in generated order.
    pub fn arguments_json(&self) -> String {
        self.arguments_value().as_str().to_owned()
    }

    /// The arguments as one value, an object.
    pub fn arguments_value(&self) -> Value {
        Value::object(self.arguments.clone())
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        self.name == other.name && self.arguments_value() == other.arguments_value()
    }
}

impl Eq for Call {}

impl Hash for Call {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.arguments_value().hash(state);
    }
}

/// The calls that `steps` make up: `Some` only if they are a complete answer, that is, every step
/// stands where one of its kind may and the last is [`Step::TotalFinish`].
pub fn calls_of(steps: &[Step]) -> Option<Vec<Call>> {
    let mut assembly = Assembly::default();
    for step in steps {
        if !assembly.push(step) {
            return None;
        }
    }
    assembly.total.then_some(assembly.calls)
}

/// The steps of an answer that makes `calls`: each name before its arguments. [`calls_of`] gives
/// the calls back.
pub fn steps_of(calls: &[Call]) -> Vec<Step> {
    let mut steps = Vec::new();
    for call in calls {
        steps.push(Step::FuncName(call.name.as_str().into()));
        for (key, value) in &call.arguments {
            steps.push(Step::ArgValue { key: key.as_str().into(), value: value.clone() });
        }
        steps.extend([Step::ParamFinish, Step::FuncFinish]);
    }
    steps.push(Step::TotalFinish);
    steps
}

/// The index of the first step that cannot follow those before it, if there is one. Steps that a
/// parser emitted never have one; steps that came over a wire may.
///
/// ```
/// use toolbeam_grammar::{Step, first_misplaced};
///
/// let steps = [Step::FuncName("f".into()), Step::FuncFinish, Step::TotalFinish];
/// assert_eq!(first_misplaced(&steps), Some(1));
/// assert_eq!(first_misplaced(&steps[..1]), None);
/// ```
pub fn first_misplaced(steps: &[Step]) -> Option<usize> {
    let mut assembly = Assembly::default();
    steps.iter().position(|step| !assembly.push(step))
}

/// Calls being put together from steps.
#[derive(Default)]
struct Assembly {
    calls: Vec<Call>,
    name: Option<String>,
    pairs: Vec<(String, Value)>,
    closed: bool,
    total: bool,
}

impl Assembly {
    /// Takes the next step; false if it cannot stand here.
    fn push(&mut self, step: &Step) -> bool {
        if self.total {
            return false;
        }
        match step {
            // A name may stand before the arguments or after them, not between them.
            Step::FuncName(name) => {
                let between = !self.pairs.is_empty() && !self.closed;
                !between && self.name.replace(name.to_string()).is_none()
            }
            Step::ArgValue { key, value } => {
                self.pairs.push((key.to_string(), value.clone()));
                !self.closed
            }
            Step::ParamFinish => !std::mem::replace(&mut self.closed, true),
            Step::FuncFinish => {
                let arguments = last_wins(std::mem::take(&mut self.pairs));
                match self.name.take() {
                    Some(name) if self.closed => self.calls.push(Call { name, arguments }),
                    _ => return false,
                }
                self.closed = false;
                true
            }
            Step::TotalFinish => {
                self.total = self.name.is_none() && self.pairs.is_empty() && !self.closed;
                self.total
            }
        }
    }
}
