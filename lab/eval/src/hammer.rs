//! ToolAlpaca, API-Bank and Seal-Tools as Hammer publishes them: prompts with the calls that are right.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use toolbeam_client::v1;
use toolbeam_grammar::{Layout, parse_calls};

use crate::error::EvalError;
use crate::gold::Gold;
use crate::source::{Source, parse};
use crate::suite::{Record, role_of, unique, user};

const FOLDER: &str = "hammer";

#[derive(Deserialize)]
struct Line {
    /// The whole prompt, in the turns of its template.
    instruction: String,
    /// The right calls.
    output: String,
}

#[derive(Deserialize)]
struct Tool<'a> {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(borrow)]
    parameters: &'a RawValue,
}

/// Reads sets by the names of their files. A record is named by its set and its line.
pub(crate) fn load(data: &Path, sets: &[&str]) -> Result<Vec<Record>, EvalError> {
    let mut records = Vec::new();
    for set in sets {
        let source = Source::open(data, FOLDER, &format!("{set}.jsonl"))?;
        for (line, record) in source.numbered(|text| record(set, parse(text)?))? {
            records.push(Record { id: format!("{set}_{line}"), ..record });
        }
    }
    Ok(records)
}

/// The record of a line, without its id.
fn record(set: &str, line: Line) -> Result<Record, String> {
    let between = |text: &'static str| move |found: Option<_>| found.ok_or(format!("instruction: no {text}"));
    let rest = line.instruction.split_once("[BEGIN OF AVAILABLE TOOLS]\n");
    let (_, rest) = between("beginning of tools")(rest)?;
    let (tools, rest) = between("end of tools")(rest.split_once("\n[END OF AVAILABLE TOOLS]"))?;
    let rest = rest.split_once("[END OF FORMAT INSTRUCTION]\n\n<|im_end|>\n");
    let (_, mut rest) = between("end of the format")(rest)?;
    let mut messages = Vec::new();
    while let Some(turn) = rest.strip_prefix("<|im_start|>") {
        let (role, turn) = between("role")(turn.split_once('\n'))?;
        let (content, after) = between("end of a turn")(turn.split_once("<|im_end|>\n"))?;
        messages.push(v1::Message {
            role: role_of(role).map_err(|reason| format!("instruction: {reason}"))?.into(),
            ..user(content.to_owned())
        });
        rest = after;
    }
    let tools: Vec<Tool> = parse(tools).map_err(|reason| format!("instruction: tools: {reason}"))?;
    let tools = tools.into_iter().map(|tool| v1::Tool {
        name: tool.name,
        description: tool.description,
        parameters: tool.parameters.get().to_owned(),
    });
    let gold = parse_calls(Layout::JsonList, &line.output).map_err(|error| format!("output: {error}"))?;
    Ok(Record {
        id: String::new(),
        category: set.to_owned(),
        messages,
        tools: unique(tools),
        gold: Gold::calls(gold),
        // Gold values are not always of the type that the tool declares.
        validation: Some(v1::Validation::Syntax),
    })
}
