//! Sets in the project's own shape.

use super::unique;
use crate::example::Example;
use crate::set::Dataset;

/// The prompts of a set, their tools inline.
pub(super) fn examples(set: &Dataset) -> impl Iterator<Item = Example> {
    set.records.iter().map(|record| {
        let tools = record.tool_keys.iter().filter_map(|key| set.tools.get(key)).cloned();
        Example {
            id: record.id.clone(),
            source: set.name.clone(),
            masked: false,
            messages: record.messages.clone(),
            tools: unique(tools),
            answers: record.answers.clone(),
        }
    })
}
