//! Prompts from BFCL, each asked only once.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use toolbeam_client::v1;

const FILE: &str = "BFCL_v4_simple_python.json";

/// BFCL's records in turn, with a mark that makes every prompt another one.
pub(crate) struct Prompts {
    records: Vec<v1::Prompt>,
    cold: bool,
}

#[derive(Deserialize)]
struct Record<'a> {
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
    description: String,
    #[serde(borrow)]
    parameters: &'a RawValue,
}

impl Prompts {
    /// Reads the records. With `cold`, tools are marked too.
    pub(crate) fn read(folder: &Path, cold: bool) -> Result<Prompts> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path);
        let text =
            text.with_context(|| format!("cannot read {}; give a folder with BFCL's data", path.display()))?;
        let record = |(index, line)| {
            prompt(line).with_context(|| format!("{}: line {} is no record", path.display(), index + 1))
        };
        let records = text.lines().enumerate().map(record).collect::<Result<Vec<_>>>()?;
        ensure!(!records.is_empty(), "{} has no records", path.display());
        Ok(Prompts { records, cold })
    }

    /// The record `index`, counted round and round, with a mark.
    pub(crate) fn marked(&self, index: usize, mark: usize) -> v1::Prompt {
        let mut prompt = self.records[index % self.records.len()].clone();
        if let Some(message) = prompt.messages.last_mut() {
            message.content.push_str(&format!(" ({mark:06})"));
        }
        for tool in prompt.tools.iter_mut().filter(|_| self.cold) {
            tool.description.insert_str(0, &format!("({mark:06}) "));
        }
        prompt
    }
}

fn prompt(line: &str) -> Result<v1::Prompt> {
    let record: Record = serde_json::from_str(line)?;
    let turn = record.question.into_iter().next().context("question is empty")?;
    let message = |Message { role, content }| {
        let role = if role == "system" { v1::Role::System } else { v1::Role::User };
        v1::Message { role: role.into(), content, ..v1::Message::default() }
    };
    let tool = |function: Function| v1::Tool {
        name: function.name,
        description: function.description,
        parameters: function.parameters.get().to_owned(),
    };
    Ok(v1::Prompt {
        messages: turn.into_iter().map(message).collect(),
        tools: record.function.into_iter().map(tool).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_makes_another_prompt() {
        let line = r#"{"id": "0", "question": [[{"role": "user", "content": "Add"}]],
            "function": [{"name": "add", "description": "Adds.", "parameters": {"type": "dict"}}]}"#
            .replace('\n', " ");
        let check = |cold: bool, description: &str| {
            let prompts = Prompts { records: vec![prompt(&line).expect("a record")], cold };
            let found = prompts.marked(3, 7);
            assert_eq!(found.messages[0].content, "Add (000007)");
            assert_eq!(found.tools[0].description, description);
            assert_eq!(found.tools[0].parameters, r#"{"type": "dict"}"#);
        };
        check(false, "Adds.");
        check(true, "(000007) Adds.");
    }
}
