//! Which calls are right.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use toolbeam_grammar::{Call, Value};

use crate::bfcl::checker::BfclChecker;
use crate::options::OptionCall;
use crate::renaming::Renaming;

/// The right calls of a record. The order of calls, of arguments and of an object's keys never counts.
///
/// **Hammer's sets and Seal-Tools** name the calls. An answer is right if it makes exactly these, each as often as it
/// is named, by [`Call`]'s equality: `85`, `85.0` and `"85"` are three values.
///
/// **BFCL by its own checker** ([`BfclChecker`]): what that says of the answer's calls, written as a JSON list.
/// An irrelevance record is right without any call, also if there is no valid answer at all.
///
/// **BFCL's `simple_python`, strictly**, names a function and lists the values that each argument may have. An answer is right if it
/// makes one call, of that function, and
/// - every argument that is given has one of its listed values by [`Value`]'s equality; where the tool
///   declares a `float`, an integer is the float that it equals. Where it declares a `dict` or an array
///   of them, the members have lists of their own and the same rules hold inside;
/// - an argument is left out only if its list has an empty string, BFCL's mark for this, and the tool
///   does not require it. Written out, an empty string passes only where a `string` is declared;
/// - there is no other argument.
///
/// This is stricter than BFCL's own AST checker, which takes every call that is accepted here, and more:
/// it compares strings without regard to case, spaces and some punctuation. Do not compare these counts
/// with its leaderboard.
#[derive(Debug, Clone)]
pub struct Gold {
    kind: Kind,
    /// By which answers are read before they are judged, where the set's own names are others.
    renaming: Option<Arc<Renaming>>,
}

#[derive(Debug, Clone)]
enum Kind {
    Calls(Vec<Call>),
    Options(OptionCall),
    Bfcl { checker: Arc<BfclChecker>, id: String },
}

/// When two values are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equality {
    /// By [`Value`]'s equality.
    Strict,
    /// By that, or if they are once every number, boolean and null is taken for the string of its text.
    Text,
}

impl Gold {
    /// Exactly these calls.
    pub fn calls(calls: Vec<Call>) -> Gold {
        Gold { kind: Kind::Calls(calls), renaming: None }
    }

    pub(crate) fn options(call: OptionCall) -> Gold {
        Gold { kind: Kind::Options(call), renaming: None }
    }

    pub(crate) fn bfcl(checker: Arc<BfclChecker>, id: String) -> Gold {
        Gold { kind: Kind::Bfcl { checker, id }, renaming: None }
    }

    /// The same for a prompt with other names: calls that are named get these, and elsewhere answers are read
    /// back, so that the set's own checker judges them.
    pub(crate) fn renamed(&self, renaming: Arc<Renaming>) -> Gold {
        match &self.kind {
            Kind::Calls(calls) => Gold::calls(calls.iter().map(|call| renaming.call(call)).collect()),
            kind => Gold { kind: kind.clone(), renaming: Some(renaming) },
        }
    }

    /// An answer under the set's own names.
    fn read_back<'a>(&self, calls: &'a [Call]) -> Cow<'a, [Call]> {
        match &self.renaming {
            Some(renaming) => Cow::Owned(calls.iter().map(|call| renaming.back(call)).collect()),
            None => Cow::Borrowed(calls),
        }
    }

    /// Why an answer is not right, in a few words that are the same for alike faults; nothing if it is.
    /// `None` stands for no valid answer.
    pub fn fault(&self, calls: Option<&[Call]>) -> Option<String> {
        if let Kind::Bfcl { checker, id } = &self.kind {
            let output = calls.map(|calls| written(&self.read_back(calls))).unwrap_or_default();
            let verdict = checker.check(id, &output);
            // The record came with its checker.
            return verdict.and_then(|verdict| verdict.error_type).map(str::to_owned);
        }
        let Some(calls) = calls else { return Some("no_valid_answer".to_owned()) };
        if self.accepts(calls) {
            return None;
        }
        let names = |calls: &[Call]| {
            let mut names: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
            names.sort();
            names
        };
        let gold = match &self.kind {
            Kind::Calls(gold) => names(gold),
            Kind::Options(option) => vec![option.name().to_owned()],
            Kind::Bfcl { .. } => Vec::new(),
        };
        Some(match names(calls) {
            names if names.len() != gold.len() => "wrong_count".to_owned(),
            names if names != gold => "wrong_function".to_owned(),
            _ => "wrong_arguments".to_owned(),
        })
    }

    /// The right calls, where they are named.
    pub(crate) fn named(&self) -> Option<&[Call]> {
        match &self.kind {
            Kind::Calls(calls) => Some(calls),
            _ => None,
        }
    }

    /// The right calls as a JSON list, where they are named.
    pub fn label(&self) -> Option<String> {
        self.named().map(written)
    }

    /// Whether `calls` are right by the rules above.
    pub fn accepts(&self, calls: &[Call]) -> bool {
        self.judge(calls, Equality::Strict)
    }

    /// Whether `calls` are right if scalars may be compared by their text: `85` is also `"85"`, but not
    /// `85.0`. Accepts all that [`Gold::accepts`] does.
    ///
    /// Seal-Tools writes some numbers as strings where the tool declares a number and the reverse, so
    /// that no answer that obeys the tools is strictly right there.
    pub fn accepts_as_text(&self, calls: &[Call]) -> bool {
        self.judge(calls, Equality::Text)
    }

    fn judge(&self, calls: &[Call], equality: Equality) -> bool {
        match &self.kind {
            Kind::Options(option) => {
                matches!(&*self.read_back(calls), [call] if option.accepts(call, equality))
            }
            Kind::Calls(gold) => same_calls(gold, calls, equality),
            Kind::Bfcl { .. } => self.fault(Some(calls)).is_none(),
        }
    }
}

/// Calls as a JSON list, as policies write them.
pub(crate) fn written(calls: &[Call]) -> String {
    let calls = calls.iter().map(|call| {
        let name = serde_json::Value::from(call.name.as_str());
        format!(r#"{{"name": {name}, "arguments": {}}}"#, call.arguments_json())
    });
    format!("[{}]", calls.collect::<Vec<_>>().join(", "))
}

/// Whether both make the same calls, each as often.
pub(crate) fn same_calls(gold: &[Call], calls: &[Call], equality: Equality) -> bool {
    let mut left: Vec<Call> = gold.iter().map(|call| equality.form_of_call(call)).collect();
    let all_found = calls.iter().map(|call| equality.form_of_call(call)).all(|call| {
        let place = left.iter().position(|gold| *gold == call);
        place.map(|place| left.swap_remove(place)).is_some()
    });
    all_found && left.is_empty()
}

impl Equality {
    pub(crate) fn same(self, a: &Value, b: &Value) -> bool {
        self.form(a) == self.form(b)
    }

    fn form_of_call(self, call: &Call) -> Call {
        let arguments = call.arguments.iter().map(|(key, value)| (key.clone(), self.form(value)));
        Call { name: call.name.clone(), arguments: arguments.collect() }
    }

    /// The value that stands for `value` in comparisons.
    fn form(self, value: &Value) -> Value {
        match self {
            Equality::Strict => value.clone(),
            // The text is JSON again; only a value at the very limit of length would not be read.
            Equality::Text => Value::parse(&spelled(value)).unwrap_or_else(|_| value.clone()),
        }
    }
}

/// The JSON of `value` with every scalar as a string.
fn spelled(value: &Value) -> String {
    let text = value.as_str();
    if let Some(elements) = elements(value) {
        let elements: Vec<String> = elements.iter().map(spelled).collect();
        return format!("[{}]", elements.join(", "));
    }
    if let Some(members) = members(value) {
        let members = members
            .iter()
            .map(|(key, value)| format!("{}: {}", serde_json::Value::from(key.as_str()), spelled(value)));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(", "));
    }
    match text {
        "-0.0" => "\"0.0\"".to_owned(),
        _ if text.starts_with('"') => text.to_owned(),
        _ => format!("\"{text}\""),
    }
}

/// The elements, if `value` is an array.
pub(crate) fn elements(value: &Value) -> Option<Vec<Value>> {
    let elements: Vec<Box<RawValue>> = serde_json::from_str(value.as_str()).ok()?;
    elements.iter().map(|element| Value::parse(element.get()).ok()).collect()
}

/// The members, if `value` is an object.
pub(crate) fn members(value: &Value) -> Option<Vec<(String, Value)>> {
    Call::from_json("", value.as_str()).ok().map(|call| call.arguments)
}
