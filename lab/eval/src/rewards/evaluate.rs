//! Asks a reward model for the rewards of pairs.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use futures::{StreamExt, stream};
use serde::Serialize;
use toolbeam_client::{Client, v1};
use toolbeam_grammar::label::annotate;
use toolbeam_grammar::{Call, Marker, steps_of};

use super::measures::Measures;
use super::pair::RewardPair;
use crate::runs::interval;
use crate::scoring::{Scored, score_answers};

/// What a reward model's rewards are worth on pairs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RewardReport {
    /// The model's fingerprint.
    pub model_fingerprint: String,
    /// Of all steps with a reward, right answers and wrong ones, each answer once: the paper's step
    /// accuracy and loss. Labels are by the rules of `toolbeam_grammar::label`, beside the right calls.
    pub steps: Measures,
    /// Of whole answers, by their last marker: the paper's trajectory accuracy.
    pub trajectories: Measures,
    /// Of steps by marker.
    pub markers: BTreeMap<&'static str, Measures>,
    /// Whether the right answer has the higher reward at its last marker.
    pub pairwise: Pairwise,
    /// The same by what is wrong with the other.
    pub error_types: BTreeMap<String, Pairwise>,
    /// The same by category.
    pub categories: BTreeMap<String, Pairwise>,
    /// Pairs whose rejected output holds no calls, which no search returns. They count nowhere else.
    pub unreadable: usize,
    /// Id and message of every prompt without a reply. They count nowhere else.
    pub failed: Vec<(String, String)>,
}

/// Pairs, and how many are put in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pairwise {
    /// Pairs.
    pub pairs: usize,
    /// Those whose right answer has the higher reward.
    pub right: usize,
    /// Those whose rewards are equal, which are not right.
    pub ties: usize,
}

impl Pairwise {
    /// The 95% interval of the share that is in order (Wilson, 1927).
    pub fn interval(&self) -> (f64, f64) {
        interval(self.right, self.pairs)
    }

    fn add(&mut self, chosen: f32, rejected: f32) {
        self.pairs += 1;
        self.right += usize::from(chosen > rejected);
        self.ties += usize::from(chosen == rejected);
    }
}

/// A prompt's pairs, and their rewards or why there are none: those of the right answer first.
type Judged<'a> = (&'a [RewardPair], Result<Scored, String>);

/// Asks for the rewards of all pairs, a prompt per request, `concurrency` at a time. Pairs of one prompt
/// stand together. `on_done` is called once for each prompt with its number of pairs.
pub async fn evaluate_rewards(
    client: &Client,
    pairs: &[RewardPair],
    concurrency: NonZeroUsize,
    mut on_done: impl FnMut(usize),
) -> RewardReport {
    let prompts = pairs.chunk_by(|a, b| a.test_id == b.test_id && a.chosen == b.chosen);
    let asked = prompts.map(async |pairs| (pairs, ask(client, pairs).await)).collect::<Vec<_>>();
    let mut asked = stream::iter(asked).buffered(concurrency.get());
    let mut judged = Vec::new();
    while let Some(prompt) = asked.next().await {
        on_done(prompt.0.len());
        judged.push(prompt);
    }
    report(&judged)
}

async fn ask(client: &Client, pairs: &[RewardPair]) -> Result<Scored, String> {
    let Some(first) = pairs.first() else { return Err("no pair".to_owned()) };
    let prompt = v1::Prompt { messages: first.conversation.clone(), tools: first.tools.clone() };
    let answers: Vec<&[Call]> = answers(pairs).collect();
    score_answers(client, prompt, &answers, false).await.map_err(|error| error.to_string())
}

/// The right answer, then the wrong ones that hold calls.
fn answers(pairs: &[RewardPair]) -> impl Iterator<Item = &[Call]> {
    let chosen = pairs.first().map(|pair| pair.chosen.as_slice());
    chosen.into_iter().chain(pairs.iter().filter_map(|pair| pair.rejected.as_deref()))
}

fn report(judged: &[Judged<'_>]) -> RewardReport {
    let mut report = RewardReport::default();
    let mut steps: BTreeMap<&'static str, Vec<(f32, bool)>> = BTreeMap::new();
    for (pairs, scored) in judged {
        report.unreadable += pairs.iter().filter(|pair| pair.rejected.is_none()).count();
        let Some(first) = pairs.first() else { continue };
        let scored = match scored {
            Ok(scored) => scored,
            Err(message) => {
                report.failed.push((first.test_id.clone(), message.clone()));
                continue;
            }
        };
        report.model_fingerprint.clone_from(&scored.model_fingerprint);
        for (calls, rewards) in answers(pairs).zip(&scored.rewards) {
            let all = steps_of(calls);
            let labels = annotate(&all, std::slice::from_ref(&first.chosen));
            for ((step, label), reward) in all.iter().zip(labels).zip(rewards) {
                steps.entry(name(step.marker())).or_default().extend(reward.map(|reward| (reward, label)));
            }
        }
        let mut last = scored.totals().into_iter();
        let chosen = last.next().flatten();
        for (pair, rejected) in pairs.iter().filter(|pair| pair.rejected.is_some()).zip(last) {
            let Some((chosen, rejected)) = chosen.zip(rejected) else { continue };
            report.pairwise.add(chosen, rejected);
            report.error_types.entry(pair.error_type.clone()).or_default().add(chosen, rejected);
            report.categories.entry(pair.test_category.clone()).or_default().add(chosen, rejected);
        }
    }
    report.trajectories = Measures::of(steps.get(name(Marker::TotalFinish)).map_or(&[], Vec::as_slice));
    report.steps = Measures::of(&steps.values().flatten().copied().collect::<Vec<_>>());
    report.markers = steps.into_iter().map(|(marker, rewards)| (marker, Measures::of(&rewards))).collect();
    report
}

fn name(marker: Marker) -> &'static str {
    match marker {
        Marker::FuncName => "FUNC_NAME",
        Marker::ArgValue => "ARG_VALUE",
        Marker::ParamFinish => "PARAM_FINISH",
        Marker::FuncFinish => "FUNC_FINISH",
        Marker::TotalFinish => "TOTAL_FINISH",
    }
}
