//! Sets in the project's own shape: a file of records, and one of the tools that they name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use toolbeam_client::v1;
use toolbeam_grammar::Call;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::source::{Source, parse};
use crate::suite::{Record, role_of, unique, user};

/// How files of records end, and those of their tools.
const ENDS: [(&str, &str); 2] = [(".jsonl.gz", ".tools.json.gz"), (".jsonl", ".tools.json")];

#[derive(Deserialize)]
struct Line<'a> {
    id: String,
    messages: Vec<Message>,
    /// The right calls.
    #[serde(borrow)]
    answers: Vec<Answer<'a>>,
    tool_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Deserialize)]
struct Answer<'a> {
    name: String,
    #[serde(borrow)]
    arguments: &'a RawValue,
}

#[derive(Clone, Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    parameters: Box<RawValue>,
}

/// Reads a file of records, or all that lie in a folder. A record's category is its file's name.
pub(crate) fn load(data: &Path) -> Result<Vec<Record>, EvalError> {
    let mut records = Vec::new();
    for file in files(data)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((stem, tools)) = ENDS.iter().find_map(|(end, tools)| {
            let stem = name.strip_suffix(end)?;
            Some((stem, file.with_file_name(format!("{stem}{tools}"))))
        }) else {
            return Err(EvalError::Missing { path: file.with_extension("jsonl") });
        };
        let tools: HashMap<String, Tool> = Source::file(&tools)?.whole()?;
        records.extend(Source::file(&file)?.records(|line| record(stem, parse(line)?, &tools))?);
    }
    Ok(records)
}

/// The files of records in a folder, by name; a file is its own only one.
fn files(data: &Path) -> Result<Vec<PathBuf>, EvalError> {
    if !data.is_dir() {
        return Ok(vec![data.to_owned()]);
    }
    let listed =
        std::fs::read_dir(data).map_err(|source| EvalError::Read { path: data.to_owned(), source })?;
    let mut files: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| ENDS.iter().any(|(end, _)| path.to_string_lossy().ends_with(end)));
    files.sort();
    if files.is_empty() {
        return Err(EvalError::Missing { path: data.join("*.jsonl.gz") });
    }
    Ok(files)
}

fn record(category: &str, line: Line<'_>, tools: &HashMap<String, Tool>) -> Result<Record, String> {
    let message = |message: Message| {
        let role = role_of(&message.role).map_err(|reason| format!("messages: {reason}"))?;
        Ok(v1::Message { role: role.into(), ..user(message.content) })
    };
    let named = |key: &String| {
        let tool = tools.get(key).ok_or_else(|| format!("tool_keys: no tool has the key {key}"))?;
        let parameters = tool.parameters.get().to_owned();
        Ok(v1::Tool { name: tool.name.clone(), description: tool.description.clone(), parameters })
    };
    let gold = line.answers.iter().map(|answer| {
        Call::from_json(answer.name.as_str(), answer.arguments.get())
            .map_err(|error| format!("answers: {}: {error}", answer.name))
    });
    Ok(Record {
        id: line.id,
        category: category.to_owned(),
        gold: Gold::calls(gold.collect::<Result<_, _>>()?),
        messages: line.messages.into_iter().map(message).collect::<Result<_, String>>()?,
        tools: unique(line.tool_keys.iter().map(named).collect::<Result<Vec<_>, String>>()?),
        // Gold values are not always of the type that the tool declares.
        validation: Some(v1::Validation::Syntax),
    })
}
