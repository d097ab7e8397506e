//! Sets in the shapes that other trainers read: a JSON object per line.

mod llama_factory;
mod trl;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toolbeam_grammar::{Layout, render, steps_of};

use crate::calls::calls_of;
use crate::error::DatasetError;
use crate::example::{Example, LabelledPrompt, Origin, Trajectory};
use crate::parts::PartReader;

/// Whose shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// TRL's.
    Trl,
    /// LLaMA-Factory's `sharegpt`.
    LlamaFactory,
}

/// What is to be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// A policy: prompts with their right answers.
    Sft,
    /// A process reward model: answers with a label per step.
    Prm,
}

/// The lines of a prompt. Of one kind there is a line per prompt, of the other a line per trajectory; a
/// prompt without trajectories has its right answer, every step of which is +.
///
/// # Errors
/// [`DatasetError::Gold`]: calls are none, or labels are not one per step.
pub fn export_lines(
    labelled: &LabelledPrompt,
    format: ExportFormat,
    kind: ExportKind,
) -> Result<Vec<Value>, DatasetError> {
    let wrong = |reason: String| DatasetError::Gold { id: labelled.prompt.id.clone(), reason };
    let prompt = Prompt::of(&labelled.prompt).map_err(wrong)?;
    if kind == ExportKind::Sft {
        return Ok(vec![match format {
            ExportFormat::Trl => trl::sft(&prompt),
            ExportFormat::LlamaFactory => llama_factory::sft(&prompt),
        }]);
    }
    let lines = labelled.trajectories.iter().map(|trajectory| {
        let steps = LabelledSteps::of(trajectory)?;
        Ok(match format {
            ExportFormat::Trl => trl::prm(&prompt, &steps),
            ExportFormat::LlamaFactory => llama_factory::prm(&prompt, &steps),
        })
    });
    lines.collect::<Result<_, String>>().map_err(wrong)
}

/// Writes a folder of prompts, or of labelled ones, as one file, and says how many lines it has.
///
/// # Errors
/// The folder holds neither, or a file cannot be read or written.
pub fn export(
    folder: &Path,
    format: ExportFormat,
    kind: ExportKind,
    out: &Path,
) -> Result<usize, DatasetError> {
    let failed = |source| DatasetError::Write { path: out.to_owned(), source };
    let mut file = BufWriter::new(File::create(out).map_err(failed)?);
    let mut written = 0;
    for line in PartReader::<Box<RawValue>>::open(folder)? {
        let labelled = read_line(folder, line?.get())?;
        for line in export_lines(&labelled, format, kind)? {
            writeln!(file, "{line}").map_err(failed)?;
            written += 1;
        }
    }
    file.flush().map_err(failed)?;
    Ok(written)
}

/// What tells a line's kind.
#[derive(Deserialize)]
struct Kind {
    trajectories: Option<IgnoredAny>,
    samples: Option<IgnoredAny>,
}

/// The labelled prompt on a line. Of a prompt by itself, the right answer is its only trajectory.
fn read_line(folder: &Path, line: &str) -> Result<LabelledPrompt, DatasetError> {
    let wrong =
        |found| DatasetError::Kind { path: folder.to_owned(), found, wanted: "prompts or labelled prompts" };
    let other = |_: serde_json::Error| wrong("something else");
    let kind: Kind = serde_json::from_str(line).map_err(other)?;
    if kind.samples.is_some() {
        return Err(wrong("rollouts"));
    }
    if kind.trajectories.is_some() {
        return serde_json::from_str(line).map_err(other);
    }
    let prompt: Example = serde_json::from_str(line).map_err(other)?;
    let steps = calls_of(&prompt.answers).map(|calls| steps_of(&calls).len()).unwrap_or_default();
    let calls = prompt.answers.clone();
    let gold = Trajectory { calls, labels: "+".repeat(steps), origin: Origin::Gold, count: 1 };
    Ok(LabelledPrompt { prompt, trajectories: vec![gold] })
}

/// What every shape says of a prompt.
struct Prompt<'a> {
    example: &'a Example,
    /// The tools as JSON values of name, description and parameters.
    tools: Vec<Value>,
    /// The right answer, as a policy of the list layout writes it.
    answer: String,
}

impl Prompt<'_> {
    fn of(example: &Example) -> Result<Prompt<'_>, String> {
        let tools = example.tools.iter().map(|tool| {
            let parameters: Value = serde_json::from_str(tool.parameters.get())
                .map_err(|error| format!("the parameters of {}: {error}", tool.name))?;
            Ok(json!({ "name": tool.name, "description": tool.description, "parameters": parameters }))
        });
        let calls = calls_of(&example.answers).map_err(|error| error.to_string())?;
        let answer = crate::calls::answer_text(Layout::JsonList, &calls);
        Ok(Prompt { example, tools: tools.collect::<Result<_, String>>()?, answer })
    }
}

/// The text of each step and whether it is right.
struct LabelledSteps(Vec<(String, bool)>);

impl LabelledSteps {
    fn of(trajectory: &Trajectory) -> Result<LabelledSteps, String> {
        let steps = steps_of(&calls_of(&trajectory.calls).map_err(|error| error.to_string())?);
        if steps.len() != trajectory.labels.len() {
            return Err(format!("{} labels for {} steps", trajectory.labels.len(), steps.len()));
        }
        let texts = render::segments(Layout::JsonList, &steps).into_iter().map(|segment| segment.text);
        Ok(LabelledSteps(texts.zip(trajectory.labels.chars().map(|label| label == '+')).collect()))
    }
}
