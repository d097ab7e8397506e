//! Pairs of a right and a wrong answer, in the format of FC-RewardBench (arXiv 2509.11963).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toolbeam_client::v1;
use toolbeam_grammar::schema::ToolDefinition;
use toolbeam_grammar::{Call, Value};

use super::fault::error_type;
use crate::error::EvalError;
use crate::gold::{elements, members, written};
use crate::runs::{Outcome, RunSettings};
use crate::source::{Source, one_line, parse};
use crate::suite::{Record, role_name, role_of, user};

/// An answer that is right and one that is not, to the same prompt.
#[derive(Debug, Clone)]
pub struct RewardPair {
    /// The tools that may be called.
    pub tools: Vec<v1::Tool>,
    /// The conversation.
    pub conversation: Vec<v1::Message>,
    /// The right calls.
    pub chosen: Vec<Call>,
    /// The wrong ones; nothing if the output holds no calls.
    pub rejected: Option<Vec<Call>>,
    /// What is wrong with these.
    pub error_type: String,
    /// Which model made them.
    pub model_name: String,
    /// The part of the set that the prompt belongs to.
    pub test_category: String,
    /// The prompt's id in its set.
    pub test_id: String,
}

/// A pair as it is written: a call is an object of its name with its arguments.
#[derive(Serialize, Deserialize)]
struct Line {
    tools: Vec<Box<RawValue>>,
    conversation: Vec<Message>,
    chosen_output: Box<RawValue>,
    rejected_output: Box<RawValue>,
    error_type: String,
    #[serde(default)]
    model_name: String,
    #[serde(default)]
    test_category: String,
    #[serde(default)]
    test_id: String,
}

#[derive(Serialize, Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Serialize, Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Option<Box<RawValue>>,
}

/// OpenAI's form has the tool inside.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    function: Option<&'a RawValue>,
}

/// Reads a file of pairs, one per line. Tools may be in OpenAI's form, calls also objects of `name` and
/// `arguments`, and outputs the text of their JSON.
///
/// # Errors
/// The file cannot be read, or a line is no pair. A rejected output without calls is no error.
pub fn read_pairs(path: &Path) -> Result<Vec<RewardPair>, EvalError> {
    Source::file(path)?.records(|line| read(parse(line)?))
}

/// Writes pairs, one per line.
///
/// # Errors
/// The file cannot be written.
pub fn write_pairs(path: &Path, pairs: &[RewardPair]) -> Result<(), EvalError> {
    let lines = pairs.iter().map(|pair| {
        // Texts and JSON: nothing that JSON could not hold.
        serde_json::to_string(&line(pair)).unwrap_or_default() + "\n"
    });
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = made.and_then(|()| fs::write(path, lines.collect::<String>()));
    written.map_err(|source| EvalError::Write { path: path.to_owned(), source })
}

/// An answer that a policy gave to a prompt.
#[derive(Debug, Clone)]
pub struct GivenAnswer {
    /// The prompt's id in its set.
    pub id: String,
    /// The policy's name.
    pub model: String,
    /// Its calls.
    pub calls: Vec<Call>,
}

impl GivenAnswer {
    /// The answers of a run, but for records without one.
    pub fn of_run(settings: &RunSettings, outcomes: &[Outcome]) -> Vec<GivenAnswer> {
        let given = outcomes.iter().filter_map(|outcome| {
            let calls = outcome.read_calls()?;
            Some(GivenAnswer { id: outcome.id.clone(), model: settings.policy.name.clone(), calls })
        });
        given.collect()
    }
}

/// Pairs of the records' right calls with the wrong ones among answers to them, of as many policies and
/// temperatures as there are; each wrong answer of a prompt once, in the records' order.
///
/// # Errors
/// A record's right calls are not named.
pub fn reward_pairs(records: &[Record], given: &[GivenAnswer]) -> Result<Vec<RewardPair>, EvalError> {
    let mut by_id: HashMap<&str, Vec<&GivenAnswer>> = HashMap::new();
    for answer in given {
        by_id.entry(&answer.id).or_default().push(answer);
    }
    let mut pairs = Vec::new();
    for record in records {
        let chosen = record.gold.named().ok_or_else(|| EvalError::NoLabel { id: record.id.clone() })?;
        let tools: Vec<ToolDefinition> = record.tools.iter().map(definition).collect();
        let mut seen = HashSet::from([written(chosen)]);
        for answer in by_id.get(record.id.as_str()).into_iter().flatten() {
            if record.gold.accepts(&answer.calls) || !seen.insert(written(&answer.calls)) {
                continue;
            }
            pairs.push(RewardPair {
                tools: record.tools.clone(),
                conversation: record.messages.clone(),
                chosen: chosen.to_vec(),
                error_type: error_type(&answer.calls, chosen, &tools).to_owned(),
                rejected: Some(answer.calls.clone()),
                model_name: answer.model.clone(),
                test_category: record.category.clone(),
                test_id: record.id.clone(),
            });
        }
    }
    Ok(pairs)
}

fn definition(tool: &v1::Tool) -> ToolDefinition {
    let v1::Tool { name, description, parameters } = tool.clone();
    ToolDefinition { name, description, parameters }
}

fn read(line: Line) -> Result<RewardPair, String> {
    let message = |message: Message| {
        let role = role_of(&message.role).map_err(|reason| format!("conversation: {reason}"))?;
        Ok(v1::Message { role: role.into(), ..user(message.content) })
    };
    let tool = |tool: &RawValue| {
        let failed = |reason| format!("tools: {reason}");
        let wrapped: Wrapped = parse(tool.get()).map_err(failed)?;
        let tool: Tool = parse(wrapped.function.unwrap_or(tool).get()).map_err(failed)?;
        let parameters = tool.parameters.map(|parameters| parameters.get().to_owned()).unwrap_or_default();
        Ok(v1::Tool { name: tool.name, description: tool.description, parameters })
    };
    Ok(RewardPair {
        tools: line.tools.iter().map(|raw| tool(raw)).collect::<Result<_, String>>()?,
        conversation: line.conversation.into_iter().map(message).collect::<Result<_, String>>()?,
        chosen: calls(line.chosen_output.get()).ok_or("chosen_output: not a list of calls")?,
        rejected: calls(line.rejected_output.get()),
        error_type: line.error_type,
        model_name: line.model_name,
        test_category: line.test_category,
        test_id: line.test_id,
    })
}

/// A list of calls, or the text of one.
fn calls(json: &str) -> Option<Vec<Call>> {
    let text = serde_json::from_str::<String>(json);
    let json = text.as_deref().unwrap_or(json);
    elements(&Value::parse(json).ok()?)?.iter().map(call).collect()
}

fn call(value: &Value) -> Option<Call> {
    let members = members(value)?;
    let (name, arguments) = match members.as_slice() {
        [(name, arguments)] => (name.clone(), arguments),
        _ => {
            let find = |wanted: &str| members.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
            (serde_json::from_str(find("name")?.as_str()).ok()?, find("arguments")?)
        }
    };
    Call::from_json(name, arguments.as_str()).ok()
}

fn line(pair: &RewardPair) -> Line {
    let raw = |json: String| one_line(json).unwrap_or_else(|_| RawValue::NULL.to_owned());
    let output = |calls: &[Call]| {
        let calls = calls.iter().map(|call| {
            format!("{{{}: {}}}", serde_json::Value::from(call.name.as_str()), call.arguments_json())
        });
        raw(format!("[{}]", calls.collect::<Vec<_>>().join(", ")))
    };
    let tool = |tool: &v1::Tool| {
        let parameters = (!tool.parameters.is_empty()).then(|| raw(tool.parameters.clone()));
        let tool = Tool { name: tool.name.clone(), description: tool.description.clone(), parameters };
        raw(serde_json::to_string(&tool).unwrap_or_default())
    };
    let message = |message: &v1::Message| Message {
        role: role_name(message.role()).to_owned(),
        content: message.content.clone(),
    };
    Line {
        tools: pair.tools.iter().map(tool).collect(),
        conversation: pair.conversation.iter().map(message).collect(),
        chosen_output: output(&pair.chosen),
        rejected_output: pair.rejected.as_deref().map_or_else(|| RawValue::NULL.to_owned(), output),
        error_type: pair.error_type.clone(),
        model_name: pair.model_name.clone(),
        test_category: pair.test_category.clone(),
        test_id: pair.test_id.clone(),
    }
}
