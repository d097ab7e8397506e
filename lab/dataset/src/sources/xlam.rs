//! xLAM's records (APIGen, arXiv 2406.18518).

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{one_line, stem, text, unique, wrong};
use crate::error::DatasetError;
use crate::example::Example;
use crate::set::{Answer, Message, Tool};

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Option<Box<RawValue>>,
    query: String,
    tools: Box<RawValue>,
    answers: Box<RawValue>,
}

/// A tool, by itself or as OpenAI writes it.
#[derive(Deserialize)]
struct Declared {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Box<RawValue>>,
    #[serde(default)]
    function: Option<Box<Declared>>,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    arguments: Box<RawValue>,
}

/// Reads a file. A prompt's id is the file's name and the record's id, or its place where it has none.
pub(super) fn read(path: &Path) -> Result<Vec<Example>, DatasetError> {
    let text = text(path)?;
    if text.trim_start().starts_with('[') {
        let lines: Vec<Line> =
            serde_json::from_str(&text).map_err(|error| wrong(path, error.line(), error.to_string()))?;
        let examples = lines.into_iter().enumerate().map(|(index, line)| {
            let place = index + 1;
            // There is no line to be named in an array.
            example(path, place, line).map_err(|reason| wrong(path, 1, format!("record {place}: {reason}")))
        });
        return examples.collect();
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let examples = lines.map(|(index, line)| {
        let read = serde_json::from_str(line).map_err(|error| error.to_string());
        let made = read.and_then(|line| example(path, index + 1, line));
        made.map_err(|reason| wrong(path, index + 1, reason))
    });
    examples.collect()
}

fn example(path: &Path, place: usize, line: Line) -> Result<Example, String> {
    let tools: Vec<Declared> = nested(&line.tools).map_err(|reason| format!("tools: {reason}"))?;
    let answers: Vec<Called> = nested(&line.answers).map_err(|reason| format!("answers: {reason}"))?;
    let source = stem(path);
    let id = line.id.map_or(place.to_string(), |id| id.get().trim_matches('"').to_owned());
    let answers = answers.into_iter().map(|call| {
        let answer = Answer { name: call.name, arguments: one_line(&call.arguments) };
        answer.call().map_err(|error| format!("answers: {}: {error}", answer.name))?;
        Ok(answer)
    });
    let tools = tools.into_iter().map(tool).collect::<Result<Vec<_>, _>>();
    Ok(Example {
        id: format!("{source}-{id}"),
        source,
        masked: false,
        messages: vec![Message { role: "user".to_owned(), content: line.query }],
        tools: unique(tools?),
        answers: answers.collect::<Result<_, String>>()?,
    })
}

/// A list, written as JSON or as JSON in a text.
fn nested<T: DeserializeOwned>(json: &RawValue) -> Result<Vec<T>, String> {
    let read = match json.get().starts_with('"') {
        true => serde_json::from_str::<String>(json.get()).and_then(|text| serde_json::from_str(&text)),
        false => serde_json::from_str(json.get()),
    };
    read.map_err(|error| error.to_string())
}

fn tool(mut declared: Declared) -> Result<Tool, String> {
    if let Some(function) = declared.function.take() {
        declared = *function;
    }
    if declared.name.is_empty() {
        return Err("tools: one has no name".to_owned());
    }
    // A function without parameters.
    let none = || RawValue::from_string("{}".to_owned()).unwrap_or_default();
    let parameters = declared.parameters.map_or_else(none, |parameters| one_line(&parameters));
    Ok(Tool { name: declared.name, description: declared.description.unwrap_or_default(), parameters })
}
