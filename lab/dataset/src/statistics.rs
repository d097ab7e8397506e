//! What a set of labelled answers holds: the paper's Table 1, by marker and by origin.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use toolbeam_grammar::{Marker, steps_of};

use crate::calls::calls_of;
use crate::error::DatasetError;
use crate::example::{LabelledPrompt, Trajectory};

/// Numbers of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Those that are +.
    pub positive: u64,
    /// Those that are -.
    pub negative: u64,
}

/// What labelled prompts hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Prompts.
    pub prompts: u64,
    /// Prompts of which a trajectory is right, and one is wrong.
    pub prompts_with_both: u64,
    /// Samples of the policy that the trajectories stand for.
    pub samples: u64,
    /// Trajectories; one is + if its whole answer is right.
    pub trajectories: Labels,
    /// Steps.
    pub steps: Labels,
    /// Steps by their marker.
    pub markers: BTreeMap<&'static str, Labels>,
    /// Trajectories by their origin.
    pub origins: BTreeMap<&'static str, Labels>,
    /// Steps by the origin of their trajectory.
    pub steps_by_origin: BTreeMap<&'static str, Labels>,
    /// Trajectories by their number of calls.
    pub calls: BTreeMap<usize, Labels>,
}

impl Labels {
    fn add(&mut self, is_positive: bool) {
        *if is_positive { &mut self.positive } else { &mut self.negative } += 1;
    }
}

impl Statistics {
    /// Adds a prompt.
    ///
    /// # Errors
    /// [`DatasetError::Gold`]: a trajectory has arguments that are none, or not a label per step.
    pub fn add(&mut self, labelled: &LabelledPrompt) -> Result<(), DatasetError> {
        self.prompts += 1;
        let right = labelled.trajectories.iter().filter(|trajectory| trajectory.is_right()).count();
        self.prompts_with_both += u64::from(right > 0 && right < labelled.trajectories.len());
        let added = labelled.trajectories.iter().try_for_each(|trajectory| self.trajectory(trajectory));
        added.map_err(|reason| DatasetError::Gold { id: labelled.prompt.id.clone(), reason })
    }

    fn trajectory(&mut self, trajectory: &Trajectory) -> Result<(), String> {
        let steps = steps_of(&calls_of(&trajectory.calls).map_err(|error| error.to_string())?);
        if steps.len() != trajectory.labels.len() {
            return Err(format!("{} labels for {} steps", trajectory.labels.len(), steps.len()));
        }
        let origin = trajectory.origin.name();
        if trajectory.origin == crate::example::Origin::Rollout {
            self.samples += u64::from(trajectory.count);
        }
        self.trajectories.add(trajectory.is_right());
        self.origins.entry(origin).or_default().add(trajectory.is_right());
        self.calls.entry(trajectory.calls.len()).or_default().add(trajectory.is_right());
        for (step, label) in steps.iter().zip(trajectory.labels.chars()) {
            self.steps.add(label == '+');
            self.markers.entry(step.marker().token()).or_default().add(label == '+');
            self.steps_by_origin.entry(origin).or_default().add(label == '+');
        }
        Ok(())
    }

    /// The numbers as tables in Markdown.
    pub fn markdown(&self) -> String {
        let head = "| | + | - | all | + % |\n| --- | ---: | ---: | ---: | ---: |\n";
        let mut text = head.to_owned();
        text += &row("trajectories", self.trajectories);
        text += &row("steps", self.steps);
        for marker in Marker::ALL {
            let labels = self.markers.get(marker.token()).copied().unwrap_or_default();
            text += &row(&format!("steps at `{marker}`"), labels);
        }
        for (origin, labels) in &self.origins {
            text += &row(&format!("trajectories, {origin}"), *labels);
        }
        for (origin, labels) in &self.steps_by_origin {
            text += &row(&format!("steps, {origin}"), *labels);
        }
        for (calls, labels) in &self.calls {
            text += &row(&format!("trajectories of {calls} calls"), *labels);
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{} prompts, {} of them with right and wrong answers; {} samples\n",
            self.prompts, self.prompts_with_both, self.samples
        );
        text
    }
}

fn row(name: &str, labels: Labels) -> String {
    let all = labels.positive + labels.negative;
    let share = 100.0 * labels.positive as f64 / all.max(1) as f64;
    format!("| {name} | {} | {} | {all} | {share:.1} |\n", labels.positive, labels.negative)
}
