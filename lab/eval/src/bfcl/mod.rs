//! BFCL's single-turn sets: a file of questions and a file of possible answers, joined by id.

pub(crate) mod checker;
pub(crate) mod vectors;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use checker::BfclChecker;
use serde::Deserialize;
use serde_json::value::RawValue;
use toolbeam_client::v1;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::options::{Declaration, OptionCall};
use crate::source::{Source, parse};
use crate::suite::{Record, unique, user};

const FOLDER: &str = "bfcl";

/// The single-turn Python categories.
const CATEGORIES: [&str; 11] = [
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
];

#[derive(Deserialize)]
struct Question<'a> {
    id: String,
    /// Turns of messages.
    question: Vec<Vec<Message>>,
    #[serde(borrow)]
    function: Vec<Function<'a>>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(borrow)]
    parameters: &'a RawValue,
}

#[derive(Deserialize)]
struct Answer<'a> {
    id: String,
    /// Calls: from the function's name to its arguments' lists of values.
    #[serde(borrow)]
    ground_truth: Vec<HashMap<String, &'a RawValue>>,
}

/// Reads the set of a category with one call per answer.
pub(crate) fn load(data: &Path, category: &str) -> Result<Vec<Record>, EvalError> {
    let file = format!("BFCL_v4_{category}.json");
    let questions = Source::open(data, FOLDER, &file)?;
    let answers = Source::open(data, FOLDER, &format!("possible_answer/{file}"))?;
    let answers = answers.records(|line| {
        let answer: Answer = parse(line)?;
        Ok((answer.id, only_call(answer.ground_truth)?))
    })?;
    let answers: HashMap<String, (String, String)> = answers.into_iter().collect();
    questions.records(|line| {
        let question: Question = parse(line)?;
        let (name, arguments) =
            answers.get(&question.id).ok_or_else(|| format!("{} has no possible answer", question.id))?;
        record(question, name, arguments, category)
    })
}

/// The function and the arguments of an answer's only call.
fn only_call(mut calls: Vec<HashMap<String, &RawValue>>) -> Result<(String, String), String> {
    let call = calls.pop().filter(|call| calls.is_empty() && call.len() == 1);
    let call = call.and_then(|call| call.into_iter().next());
    call.map(|(name, arguments)| (name, arguments.get().to_owned()))
        .ok_or_else(|| "ground_truth: not exactly one call".to_owned())
}

fn record(question: Question<'_>, name: &str, arguments: &str, category: &str) -> Result<Record, String> {
    let function = question.function.iter().find(|function| function.name == name);
    let function = function.ok_or_else(|| format!("function: {name} is called but not there"))?;
    let declared: Declaration = parse(function.parameters.get())?;
    let gold = Gold::options(OptionCall::new(name.to_owned(), arguments, &declared)?);
    asked(question, category, gold, None)
}

/// The record of a question.
fn asked(
    question: Question<'_>,
    category: &str,
    gold: Gold,
    validation: Option<v1::Validation>,
) -> Result<Record, String> {
    let [turn] = <[Vec<Message>; 1]>::try_from(question.question)
        .map_err(|turns| format!("question: {} turns, not one", turns.len()))?;
    let tools = question.function.into_iter().map(|function| v1::Tool {
        name: function.name,
        description: function.description,
        parameters: function.parameters.get().to_owned(),
    });
    let messages = turn.into_iter().map(message).collect::<Result<_, _>>()?;
    let category = category.to_owned();
    Ok(Record { id: question.id, category, messages, tools: unique(tools), gold, validation })
}

/// Reads all categories that are there, judged by BFCL's checker.
pub(crate) fn load_checked(data: &Path) -> Result<Vec<Record>, EvalError> {
    let mut records = Vec::new();
    for category in CATEGORIES {
        let file = format!("BFCL_v4_{category}.json");
        let questions = match Source::open(data, FOLDER, &file) {
            Ok(questions) => questions,
            Err(EvalError::Missing { .. }) => continue,
            Err(error) => return Err(error),
        };
        let checker = Arc::new(BfclChecker::open(data, category)?);
        records.extend(questions.records(|line| {
            let question: Question = parse(line)?;
            let gold = Gold::bfcl(Arc::clone(&checker), question.id.clone());
            // The checker's rules of types are its own.
            asked(question, category, gold, Some(v1::Validation::Syntax))
        })?);
    }
    match records.is_empty() {
        true => Err(EvalError::Missing { path: data.join(FOLDER).join("BFCL_v4_simple_python.json") }),
        false => Ok(records),
    }
}

fn message(message: Message) -> Result<v1::Message, String> {
    match message.role.as_str() {
        "user" => Ok(user(message.content)),
        "system" => Ok(v1::Message { role: v1::Role::System.into(), ..user(message.content) }),
        role => Err(format!("question: the role {role} in a single turn")),
    }
}
