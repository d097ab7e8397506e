//! BFCL's AST checker for its Python categories, verdict by verdict.
//!
//! The rules are those of the Berkeley Function Calling Leaderboard's own checker (v4, `ast_checker` and the
//! relevance check), its oddities included, since its numbers are what others report. An output that makes
//! the official checker raise is not valid here, and says `crash`.

mod call;
mod decode;
mod types;
mod values;

use std::collections::HashMap;
use std::path::Path;

use crate::error::EvalError;
use crate::python::{PyDict, PyValue};
use crate::source::Source;
use call::check_call;
use decode::{Decoded, decode};

use super::FOLDER;

/// What is found of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfclVerdict {
    /// Why it is not valid, in BFCL's words: its `error_type`, or `crash` where its checker raises.
    pub error_type: Option<&'static str>,
}

impl BfclVerdict {
    /// Whether the output is right.
    pub fn is_valid(&self) -> bool {
        self.error_type.is_none()
    }
}

/// The questions of one category, and their right answers.
#[derive(Debug)]
pub struct BfclChecker {
    rule: Rule,
    questions: HashMap<String, Question>,
}

/// How the outputs of a category are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// One call, of the only function.
    Simple,
    /// One call, of one of the functions.
    Multiple,
    /// Several calls, in any order.
    Parallel,
    /// No call.
    Irrelevance,
    /// Some call.
    Relevance,
}

#[derive(Debug)]
struct Question {
    functions: Vec<PyValue>,
    right: Vec<Right>,
}

/// A right call: the values that each of its arguments may have.
#[derive(Debug)]
struct Right {
    name: String,
    options: PyDict,
}

/// Why an output is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault(&'static str);

impl Fault {
    const DECODER_FAILED: Fault = Fault("ast_decoder:decoder_failed");
    const WRONG_FORMAT: Fault = Fault("ast_decoder:decoder_wrong_output_format");
    const CRASH: Fault = Fault("crash");

    fn new(error_type: &'static str) -> Fault {
        Fault(error_type)
    }
}

impl Rule {
    /// The rule of a category, as its name says.
    fn of(category: &str) -> Option<Rule> {
        match category {
            _ if category.contains("java") || category.contains("multi_turn") => None,
            _ if category.contains("irrelevance") => Some(Rule::Irrelevance),
            _ if category.contains("relevance") => Some(Rule::Relevance),
            _ if category.contains("parallel") => Some(Rule::Parallel),
            _ if category.contains("multiple") => Some(Rule::Multiple),
            _ if category.contains("simple") => Some(Rule::Simple),
            _ => None,
        }
    }
}

impl BfclChecker {
    /// Reads a category, such as `live_multiple`, from `BFCL_v4_<category>.json` and, where calls are right,
    /// `possible_answer/` beside it, in `data` or in its folder `bfcl`.
    ///
    /// # Errors
    /// [`EvalError::Category`] of one that is not checked here; a file is not there, cannot be read, or is
    /// not what BFCL publishes.
    pub fn open(data: &Path, category: &str) -> Result<BfclChecker, EvalError> {
        let rule = Rule::of(category).ok_or_else(|| EvalError::Category { name: category.to_owned() })?;
        let file = format!("BFCL_v4_{category}.json");
        let mut answers = HashMap::new();
        if !matches!(rule, Rule::Irrelevance | Rule::Relevance) {
            let source = Source::open(data, FOLDER, &format!("possible_answer/{file}"))?;
            answers = source.records(read_answer)?.into_iter().collect();
        }
        let questions = Source::open(data, FOLDER, &file)?.records(|line| {
            let record = PyValue::parse(line)?;
            let id = text(&record, "id")?;
            let functions = list(&record, "function")?.to_vec();
            let right = match rule {
                Rule::Irrelevance | Rule::Relevance => Vec::new(),
                _ => answers.remove(&id).ok_or_else(|| format!("{id} has no possible answer"))?,
            };
            Ok((id, Question { functions, right }))
        })?;
        Ok(BfclChecker { rule, questions: questions.into_iter().collect() })
    }

    /// Judges a model's output, the text as it wrote it. `None` if the category has no record of this id.
    pub fn check(&self, id: &str, output: &str) -> Option<BfclVerdict> {
        let question = self.questions.get(id)?;
        let fault = self.judge(question, output).err();
        Some(BfclVerdict { error_type: fault.map(|fault| fault.0) })
    }

    fn judge(&self, question: &Question, output: &str) -> Result<(), Fault> {
        let calls = decode(output);
        match self.rule {
            Rule::Irrelevance => {
                calls.map_or(Ok(()), |_| Err(Fault::new("irrelevance_error:decoder_success")))
            }
            Rule::Relevance => calls.map(drop).map_err(|_| Fault::new("relevance_error:decoder_failed")),
            Rule::Simple => question.simple(&calls?),
            Rule::Multiple => question.multiple(&calls?),
            Rule::Parallel => question.parallel(&calls?),
        }
    }
}

impl Question {
    fn simple(&self, calls: &[Decoded]) -> Result<(), Fault> {
        let [call] = calls else { return Err(Fault::new("simple_function_checker:wrong_count")) };
        let (function, right) = self.functions.first().zip(self.right.first()).ok_or(Fault::CRASH)?;
        check_call(function, call, right)
    }

    fn multiple(&self, calls: &[Decoded]) -> Result<(), Fault> {
        if calls.len() != self.right.len() {
            return Err(Fault::new("multiple_function_checker:wrong_count"));
        }
        let (call, right) = calls.first().zip(self.right.first()).ok_or(Fault::CRASH)?;
        check_call(self.function(&right.name)?, call, right)
    }

    /// Right calls take, in their order, the first call that fits and is not taken.
    fn parallel(&self, calls: &[Decoded]) -> Result<(), Fault> {
        if calls.len() != self.right.len() {
            return Err(Fault::new("parallel_function_checker_no_order:wrong_count"));
        }
        let mut left: Vec<&Decoded> = calls.iter().collect();
        for right in &self.right {
            let function = self.function(&right.name)?;
            let mut place = None;
            for (index, call) in left.iter().enumerate() {
                match check_call(function, call, right) {
                    Ok(()) => {
                        place = Some(index);
                        break;
                    }
                    Err(Fault::CRASH) => return Err(Fault::CRASH),
                    Err(_) => {}
                }
            }
            let none = Fault::new("parallel_function_checker_no_order:cannot_find_match");
            left.remove(place.ok_or(none)?);
        }
        Ok(())
    }

    fn function(&self, name: &str) -> Result<&PyValue, Fault> {
        let is_named = |function: &&PyValue| function.get("name").and_then(PyValue::as_str) == Some(name);
        self.functions.iter().find(is_named).ok_or(Fault::CRASH)
    }
}

fn read_answer(line: &str) -> Result<(String, Vec<Right>), String> {
    let record = PyValue::parse(line)?;
    let right = list(&record, "ground_truth")?.iter().map(|call| {
        let call = call.as_dict().and_then(|call| call.iter().next());
        let options = call.and_then(|(name, options)| Some((name, options.as_dict()?)));
        let (name, options) = options.ok_or("ground_truth: a call is no object of one function")?;
        Ok(Right { name: name.to_owned(), options: options.clone() })
    });
    Ok((text(&record, "id")?, right.collect::<Result<_, String>>()?))
}

fn text(record: &PyValue, key: &str) -> Result<String, String> {
    let text = record.get(key).and_then(PyValue::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("{key}: no string"))
}

fn list<'a>(record: &'a PyValue, key: &str) -> Result<&'a [PyValue], String> {
    record.get(key).and_then(PyValue::as_list).ok_or_else(|| format!("{key}: no list"))
}
