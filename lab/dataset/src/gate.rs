//! The gate: no training set shares a query with an evaluation set.

use std::path::Path;

use serde::Deserialize;

use crate::error::DatasetError;
use crate::example::Example;
use crate::parts::PartReader;
use crate::queries::Queries;
use crate::set::{Dataset, Message, user_turns};

/// Whether a prompt asks what an evaluation set asks.
pub(crate) fn is_shared(example: &Example, evaluation: &Queries) -> bool {
    evaluation.share(user_turns(&example.messages))
}

/// The ids of all prompts of a folder that share a query with evaluation sets, and how many prompts there
/// are. The folder holds parts of prompts, of answers to them or of labelled ones, or sets in the project's
/// own shape.
///
/// # Errors
/// The folder holds neither, or a file cannot be read.
pub fn shared_prompts(folder: &Path, evaluation: &Queries) -> Result<(Vec<String>, usize), DatasetError> {
    let mut shared = Vec::new();
    let mut number = 0;
    let mut look = |id: &str, messages: &[Message]| {
        number += 1;
        if evaluation.share(user_turns(messages)) {
            shared.push(id.to_owned());
        }
    };
    match PartReader::<Line>::open(folder) {
        Ok(lines) => {
            for line in lines {
                let Line { id, messages, prompt } = line?;
                let (id, messages) = prompt.map_or((id, messages), |prompt| (prompt.id, prompt.messages));
                look(&id, &messages);
            }
        }
        Err(DatasetError::NoPart { .. }) => {
            let sets = Dataset::read_all(folder)?;
            sets.iter().flat_map(|set| &set.records).for_each(|record| look(&record.id, &record.messages));
        }
        Err(error) => return Err(error),
    }
    Ok((shared, number))
}

/// A prompt, or what is about one.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: String,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    prompt: Option<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    messages: Vec<Message>,
}
