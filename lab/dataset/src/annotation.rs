//! From answers to labels for their steps (paper, section 3.2).

use std::collections::HashMap;

use serde::Serialize;
use toolbeam_grammar::label::annotate as label;
use toolbeam_grammar::{Call, Layout, Parser, Status, Step, calls_of, steps_of};

use crate::calls;
use crate::corruption::corrupt;
use crate::draws::Draws;
use crate::error::DatasetError;
use crate::example::{Example, LabelledPrompt, Origin, Rollouts, Trajectory};
use crate::folder::Contents;
use crate::set::Answer;

/// How answers are labelled.
#[derive(Debug, Clone, Serialize)]
pub struct AnnotationSettings {
    /// The most trajectories of a prompt.
    pub most: usize,
    /// The most of them that are right answers with a decision made wrong.
    pub corruptions: usize,
    /// What corruptions are drawn by, with the prompt's id.
    pub seed: u64,
    /// The digest of the folder of rollouts.
    pub rollouts: String,
}

/// Why a sample is no trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    /// A limit ended it, or the policy did too early.
    Incomplete,
    /// It is no answer of the layout.
    Invalid,
    /// A call gives an argument twice, which calls cannot hold.
    RepeatedArgument,
}

impl Unfit {
    const fn name(self) -> &'static str {
        match self {
            Unfit::Incomplete => "incomplete",
            Unfit::Invalid => "invalid",
            Unfit::RepeatedArgument => "repeated argument",
        }
    }
}

/// Labels the samples of a prompt. Samples of the same decisions are one trajectory; what is no answer is
/// left out. The right answer is added where no sample is right. Of more than `most`, those that came less
/// often go, but never the only right one. What was found is counted in `contents`.
///
/// # Errors
/// [`DatasetError::Gold`]: the right calls of the prompt are none.
pub fn annotate(
    rollouts: Rollouts,
    layout: Layout,
    settings: &AnnotationSettings,
    contents: &mut Contents,
) -> Result<LabelledPrompt, DatasetError> {
    let Rollouts { prompt, samples } = rollouts;
    let wrong = |error: toolbeam_grammar::Malformed| DatasetError::Gold {
        id: prompt.id.clone(),
        reason: error.to_string(),
    };
    let gold = [calls::calls_of(&prompt.answers).map_err(wrong)?];
    let mut found = Trajectories::default();
    for sample in samples {
        let calls =
            if sample.complete { calls_in(layout, &sample.text) } else { Err(unfit(layout, &sample.text)) };
        match calls {
            Ok(calls) => {
                contents.count_so_many("samples", "labelled", sample.count.into());
                found.add(&calls, &gold, Origin::Rollout, sample.count);
            }
            Err(unfit) => contents.count_so_many("samples", unfit.name(), sample.count.into()),
        }
    }
    let mut trajectories = found.at_most(settings.most);
    if !trajectories.list.iter().any(Trajectory::is_right) {
        trajectories.list.truncate(settings.most.saturating_sub(1));
        trajectories.add(&gold[0], &gold, Origin::Gold, 1);
    }
    for answers in corrupted(&prompt, settings) {
        let calls = calls::calls_of(&answers).map_err(wrong)?;
        if trajectories.list.len() < settings.most {
            trajectories.add_new(&calls, &gold, Origin::Corruption);
        }
    }
    for trajectory in &trajectories.list {
        contents.count("trajectories", trajectory.origin.name());
    }
    Ok(LabelledPrompt { prompt, trajectories: trajectories.list })
}

/// Right answers with a decision made wrong, as many as the settings want and the prompt has.
fn corrupted(prompt: &Example, settings: &AnnotationSettings) -> Vec<Vec<Answer>> {
    let mut draws = Draws::of(settings.seed, &["corruption", &prompt.id]);
    (0..settings.corruptions).filter_map(|_| corrupt(prompt, &mut draws)).collect()
}

/// Trajectories of one prompt, each once.
#[derive(Default)]
struct Trajectories {
    list: Vec<Trajectory>,
    places: HashMap<Vec<Step>, usize>,
}

impl Trajectories {
    /// Adds an answer, or its count to the same decisions.
    fn add(&mut self, calls: &[Call], gold: &[Vec<Call>], origin: Origin, count: u32) {
        let steps = steps_of(calls);
        if let Some(place) = self.places.get(&steps) {
            self.list[*place].count += count;
            return;
        }
        let labels = label(&steps, gold).into_iter().map(|is_right| if is_right { '+' } else { '-' });
        let calls = calls.iter().map(Answer::of).collect();
        self.list.push(Trajectory { calls, labels: labels.collect(), origin, count });
        self.places.insert(steps, self.list.len() - 1);
    }

    /// Adds a wrong answer that is not there yet.
    fn add_new(&mut self, calls: &[Call], gold: &[Vec<Call>], origin: Origin) {
        if self.places.contains_key(&steps_of(calls)) {
            return;
        }
        self.add(calls, gold, origin, 1);
        // An answer that is right after all is none of the wrong ones.
        if self.list.last().is_some_and(Trajectory::is_right) {
            self.list.pop();
        }
    }

    /// The most frequent ones, in order; a right one among them if there is any.
    fn at_most(mut self, most: usize) -> Trajectories {
        self.list.sort_by_key(|trajectory| std::cmp::Reverse(trajectory.count));
        let right = self.list.iter().position(Trajectory::is_right);
        if let Some(right) = right
            && right >= most
            && most > 0
        {
            self.list.swap(most - 1, right);
        }
        self.list.truncate(most);
        let calls = self.list.iter().filter_map(|trajectory| calls::calls_of(&trajectory.calls).ok());
        let places = calls.enumerate().map(|(place, calls)| (steps_of(&calls), place)).collect();
        Trajectories { places, ..self }
    }
}

/// The calls of a whole answer.
fn calls_in(layout: Layout, text: &str) -> Result<Vec<Call>, Unfit> {
    let mut parser = Parser::new(layout);
    let mut boundaries = parser.feed(text.as_bytes());
    boundaries.extend(parser.end());
    match parser.status() {
        Status::Complete => {}
        Status::Unfinished => return Err(Unfit::Incomplete),
        Status::Invalid { .. } => return Err(Unfit::Invalid),
    }
    let steps: Vec<Step> = boundaries.into_iter().map(|boundary| boundary.step).collect();
    let calls = calls_of(&steps).ok_or(Unfit::Incomplete)?;
    // Of a repeated argument the calls hold one.
    if steps_of(&calls).len() == steps.len() { Ok(calls) } else { Err(Unfit::RepeatedArgument) }
}

/// Why a sample that is not complete is none.
fn unfit(layout: Layout, text: &str) -> Unfit {
    calls_in(layout, text).err().unwrap_or(Unfit::Incomplete)
}
