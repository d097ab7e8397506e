//! What dataset commands wrote, as evaluations know it.

use std::path::Path;

use anyhow::{Context, Result};
use toolbeam_client::v1;
use toolbeam_dataset::{Answer, Example, Manifest, PartReader, RolloutSettings, Rollouts};
use toolbeam_eval::{Record, SampledAnswer, SampledPrompt};

use crate::exit::WrongFile;

/// A stored prompt as a record; its category is the source that it comes from.
pub(crate) fn record_of(prompt: &Example) -> Result<Record> {
    let wrong = |reason: String| WrongFile(format!("{}: {reason}; mend the source", prompt.id));
    let messages = prompt.messages.iter().map(|message| (message.role.clone(), message.content.clone()));
    let tools = prompt.tools.iter().map(|tool| v1::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.get().to_owned(),
    });
    let right = prompt.answers.iter().map(Answer::call).collect::<Result<_, _>>();
    let right = right.with_context(|| wrong("the right answer".to_owned()))?;
    let (id, category) = (prompt.id.clone(), prompt.source.clone());
    let record = Record::new(id, category, messages.collect(), tools.collect(), right);
    record.map_err(|reason| anyhow::Error::msg(wrong(reason)))
}

/// How the rollouts of a folder were made, all of whose parts are there.
pub(crate) fn rollout_settings(folder: &Path) -> Result<RolloutSettings> {
    let manifest = Manifest::read(folder)?;
    serde_json::from_value(manifest.made["settings"].clone())
        .with_context(|| WrongFile(format!("{} was not made by dataset rollout", folder.display())))
}

/// The first prompts of a folder of rollouts with their samples.
pub(super) fn sampled_prompts(folder: &Path, limit: Option<usize>) -> Result<Vec<SampledPrompt>> {
    let layout = rollout_settings(folder)?.policy.layout.grammar();
    let lines = PartReader::<Rollouts>::open(folder)?.take(limit.unwrap_or(usize::MAX));
    let prompts = lines.map(|line| {
        let Rollouts { prompt, samples } = line?;
        let read = samples.iter().map(|s| SampledAnswer::read(layout, &s.text, s.complete, s.count));
        Ok(SampledPrompt { record: record_of(&prompt)?, answers: read.collect() })
    });
    prompts.collect()
}
