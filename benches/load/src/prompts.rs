//! Prompts from BFCL, each asked only once.

use std::path::Path;

use anyhow::Result;
use toolbeam_client::v1;
use toolbeam_eval::{Suite, load};

/// BFCL's records in turn, with a mark that makes every prompt another one.
pub(crate) struct Prompts {
    records: Vec<v1::Prompt>,
    cold: bool,
}

impl Prompts {
    /// Reads the records. With `cold`, tools are marked too.
    pub(crate) fn read(folder: &Path, cold: bool) -> Result<Prompts> {
        let records = load(Suite::SimplePython, folder)?.into_iter();
        let records = records.map(|record| v1::Prompt { messages: record.messages, tools: record.tools });
        Ok(Prompts { records: records.collect(), cold })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_makes_another_prompt() {
        let tool = v1::Tool { name: "add".into(), description: "Adds.".into(), parameters: "{}".into() };
        let message = v1::Message { content: "Add".into(), ..v1::Message::default() };
        let prompt = v1::Prompt { messages: vec![message], tools: vec![tool] };
        let check = |cold: bool, description: &str| {
            let prompts = Prompts { records: vec![prompt.clone()], cold };
            let found = prompts.marked(3, 7);
            assert_eq!(found.messages[0].content, "Add (000007)");
            assert_eq!(found.tools[0].description, description);
            assert_eq!(found.tools[0].parameters, "{}");
        };
        check(false, "Adds.");
        check(true, "(000007) Adds.");
    }
}
