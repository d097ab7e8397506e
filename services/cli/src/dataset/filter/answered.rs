//! Prompts with answers to choose among, whichever command wrote them.

use std::path::Path;

use anyhow::{Result, bail};
use toolbeam_dataset::{Answer, Example, LabelledPrompt, Manifest, Origin, PartReader, Rollouts};
use toolbeam_eval::read_answer;

use crate::eval::rollout_settings;
use crate::exit::WrongFile;

/// A prompt of a set, and answers to it.
pub(super) struct Answered {
    pub(super) prompt: Example,
    pub(super) answers: Vec<Vec<Answer>>,
}

/// What lies in a set.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Rollouts,
    Labelled,
}

impl Kind {
    pub(super) fn of(folder: &Path, manifest: &Manifest) -> Result<Kind> {
        match manifest.made["by"].as_str() {
            Some("dataset rollout") => Ok(Kind::Rollouts),
            Some("dataset annotate") => Ok(Kind::Labelled),
            _ => bail!(WrongFile(format!(
                "{} holds no answers; give a folder that dataset rollout or dataset annotate made",
                folder.display()
            ))),
        }
    }

    /// The prompts of a part with the answers to choose among.
    pub(super) fn read(self, folder: &Path, number: usize) -> Box<dyn Iterator<Item = Result<Answered>>> {
        match self {
            Kind::Rollouts => {
                let settings = rollout_settings(folder);
                let lines = PartReader::<Rollouts>::open_part(folder, number);
                let settings = match settings {
                    Ok(settings) => settings,
                    Err(error) => return Box::new(std::iter::once(Err(error))),
                };
                Box::new(lines.map(move |line| {
                    let Rollouts { prompt, samples } = line?;
                    let whole = samples.iter().filter(|sample| sample.complete);
                    let layout = settings.policy.layout.grammar();
                    let calls = whole.filter_map(|sample| read_answer(layout, &sample.text));
                    let answers = calls.map(|calls| calls.iter().map(Answer::of).collect()).collect();
                    Ok(Answered { prompt, answers })
                }))
            }
            Kind::Labelled => Box::new(PartReader::<LabelledPrompt>::open_part(folder, number).map(|line| {
                let LabelledPrompt { prompt, trajectories } = line?;
                let own = trajectories.into_iter().filter(|one| one.origin != Origin::Corruption);
                Ok(Answered { prompt, answers: own.map(|one| one.calls).collect() })
            })),
        }
    }
}
