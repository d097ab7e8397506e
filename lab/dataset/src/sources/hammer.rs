//! Hammer's training records, some of which are masked (arXiv 2410.04587).

use std::path::Path;

use serde::Deserialize;
use toolbeam_grammar::{Layout, parse_calls};

use super::{one_line, stem, text, unique, wrong};
use crate::error::DatasetError;
use crate::example::Example;
use crate::set::{Answer, Message, Tool};

/// Shorter words of a name ("get", "by") are in descriptions by chance.
const LONG: usize = 4;

#[derive(Deserialize)]
struct Line {
    /// The whole prompt.
    instruction: String,
    /// The right calls, in a fence.
    output: String,
}

/// Reads a file. A prompt's id is the file's name and its line.
pub(super) fn read(path: &Path) -> Result<Vec<Example>, DatasetError> {
    let text = text(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let examples = lines.map(|(index, line)| {
        let read = serde_json::from_str(line).map_err(|error| error.to_string());
        let made = read.and_then(|line| example(path, index + 1, &line));
        made.map_err(|reason| wrong(path, index + 1, reason))
    });
    examples.collect()
}

fn example(path: &Path, number: usize, line: &Line) -> Result<Example, String> {
    let tools = between(&line.instruction, "[BEGIN OF AVAILABLE TOOLS]", "[END OF AVAILABLE TOOLS]")?;
    let query = between(&line.instruction, "[BEGIN OF QUERY]", "[END OF QUERY]")?;
    let tools: Vec<Tool> =
        serde_json::from_str(tools).map_err(|error| format!("instruction: tools: {error}"))?;
    let one_lined = |tool: Tool| Tool { parameters: one_line(&tool.parameters), ..tool };
    let tools = unique(tools.into_iter().map(one_lined));
    let calls = parse_calls(Layout::JsonList, &line.output).map_err(|error| format!("output: {error}"))?;
    let source = stem(path);
    Ok(Example {
        id: format!("{source}-{number}"),
        source,
        masked: !tools.is_empty() && !tools.iter().any(says_its_purpose),
        messages: vec![Message { role: "user".to_owned(), content: query.to_owned() }],
        tools,
        answers: calls.iter().map(Answer::of).collect(),
    })
}

/// What stands between two lines.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Result<&'a str, String> {
    let found = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    let (found, _) = found.ok_or_else(|| format!("instruction: no {begin} with its {end}"))?;
    Ok(found.trim_matches('\n'))
}

/// Whether a word of the name is in the description. No record says whether it was masked; a random name
/// has none.
fn says_its_purpose(tool: &Tool) -> bool {
    let description = tool.description.to_lowercase();
    let words = tool.name.split(|letter: char| !letter.is_ascii_lowercase());
    let mut long = words.filter(|word| word.len() >= LONG);
    long.any(|word| description.contains(word))
}
