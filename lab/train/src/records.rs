//! From records to rows: the same tokens as where models are served.

use serde_json::{Value, json};
use toolbeam_dataset::{Answer, Example, LabelledPrompt, Message, Tool};
use toolbeam_reward::{AnswerCall, RewardTokens, answer_text};

use crate::TrainError;
use crate::folder::Interface;
use crate::sequence::{Part, Sequence, Target};

/// What a record gives.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Sequence>,
    /// Answers that are left out because they do not fit with their prompt.
    pub(crate) too_long: usize,
}

impl Rows {
    /// Without the rows that have no right answer or no wrong one.
    pub(crate) fn in_pairs(mut self) -> Rows {
        let has = |row: &Sequence, class| row.targets.iter().any(|target| target.class == class);
        self.rows.retain(|row| has(row, 0) && has(row, 1));
        self
    }
}

/// Messages and tools in the JSON form in which services give them to a chat template; no tools are `None`.
///
/// # Errors
/// [`TrainError::Record`] if parameters are not JSON.
pub fn conversation(example: &Example) -> Result<(Value, Option<Value>), TrainError> {
    let message = |message: &Message| json!({ "role": message.role, "content": message.content });
    let messages = example.messages.iter().map(message).collect();
    let tool = |tool: &Tool| -> Result<Value, TrainError> {
        let parameters: Value = serde_json::from_str(tool.parameters.get()).map_err(|error| {
            let message = format!("the parameters of {}: {error}; give JSON", tool.name);
            TrainError::Record { id: example.id.clone(), message }
        })?;
        let function =
            json!({ "name": tool.name, "description": tool.description, "parameters": parameters });
        Ok(json!({ "type": "function", "function": function }))
    };
    let tools = example.tools.iter().map(tool).collect::<Result<Vec<Value>, _>>()?;
    Ok((messages, (!tools.is_empty()).then(|| tools.into())))
}

/// A prompt with its right answer, every token of which is predicted, and the end of the turn.
pub(crate) fn of_example(
    example: &Example,
    interface: &Interface,
    longest: usize,
) -> Result<Rows, TrainError> {
    let prompt = prompt(example, interface)?;
    let text =
        answer_text(&interface.layout, &calls(&example.answers)).map_err(|error| of(example, error))?;
    let mut answer = interface.tokenizer.encode(&text)?;
    answer.push(interface.end);
    if prompt.len() + answer.len() > longest.min(interface.config.context_length) {
        return Ok(Rows { rows: Vec::new(), too_long: 1 });
    }
    let mut row = Sequence::of_prompt(&prompt);
    row.add_predicted(&[], &answer);
    Ok(Rows { rows: vec![row], too_long: 0 })
}

/// A prompt with its labelled answers, in as many rows as they need.
pub(crate) fn of_labelled(
    labelled: &LabelledPrompt,
    (interface, tokens): (&Interface, &RewardTokens),
    longest: usize,
) -> Result<Rows, TrainError> {
    let prompt = prompt(&labelled.prompt, interface)?;
    let mut found = Rows::default();
    let mut row = Sequence::of_prompt(&prompt);
    for trajectory in &labelled.trajectories {
        let refuse = |error| of(&labelled.prompt, error);
        let input = tokens.answer(&interface.tokenizer, &calls(&trajectory.calls)).map_err(refuse)?;
        let targets = targets(&labelled.prompt, &trajectory.labels, &input.markers)?;
        let length = prompt.len() + input.tokens.len();
        if length > longest.min(interface.config.context_length) {
            found.too_long += 1;
            continue;
        }
        if row.tokens.len() + input.tokens.len() > longest {
            found.rows.push(std::mem::replace(&mut row, Sequence::of_prompt(&prompt)));
        }
        row.add(&input.tokens, targets);
    }
    found.rows.push(row);
    found.rows.retain(|row| !row.targets.is_empty());
    Ok(found)
}

/// The labels of the steps at which the model has a reward.
fn targets(prompt: &Example, labels: &str, markers: &[Option<usize>]) -> Result<Vec<Target>, TrainError> {
    let refuse = |message: String| TrainError::Record { id: prompt.id.clone(), message };
    if labels.len() != markers.len() {
        let message = format!("{} labels for {} steps; give one for each", labels.len(), markers.len());
        return Err(refuse(message));
    }
    let last = markers.len() - 1;
    let mut targets = Vec::new();
    for (step, (label, marker)) in labels.bytes().zip(markers).enumerate() {
        let class = match label {
            b'+' => 1,
            b'-' => 0,
            _ => return Err(refuse(format!("the labels are {labels:?}; give + or - for each step"))),
        };
        let part = if step == last { Part::Total } else { Part::Step };
        targets.extend(marker.map(|at| Target { at: at as u32, class, part }));
    }
    Ok(targets)
}

fn prompt(example: &Example, interface: &Interface) -> Result<Vec<u32>, TrainError> {
    let (messages, tools) = conversation(example)?;
    Ok(interface.prompts.prompt(&messages, tools.as_ref())?.tokens.to_vec())
}

fn calls(answers: &[Answer]) -> Vec<AnswerCall<'_>> {
    answers.iter().map(|call| AnswerCall { name: &call.name, arguments: call.arguments.get() }).collect()
}

/// An error of a record's calls, with the record.
fn of(example: &Example, error: toolbeam_reward::RewardError) -> TrainError {
    TrainError::Record { id: example.id.clone(), message: error.to_string() }
}
