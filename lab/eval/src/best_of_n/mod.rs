//! Best of N offline (ToolRM, arXiv 2509.11963): what a reward model is worth that chooses among sampled
//! answers, beside the most frequent answer and beside what no choice can exceed. The answers are there, so
//! that every reward model chooses among the same.

mod candidate;
mod hypergeometric;
mod markdown;
mod vote;

use std::num::NonZeroUsize;

use futures::{StreamExt, stream};
use serde::Serialize;
use toolbeam_client::Client;
use toolbeam_grammar::{Call, Layout};

use crate::answer::read_answer;
use crate::comparison::{Interval, mean};
use crate::draws::Draws;
use crate::error::EvalError;
use crate::gold::{Equality, same_calls};
use crate::scoring::score_answers;
use crate::suite::Record;
use candidate::{Candidate, best, oracle, samples, single};
use vote::majority;

/// A prompt with answers that a policy gave to it.
#[derive(Debug, Clone)]
pub struct SampledPrompt {
    /// The prompt, and what is right.
    pub record: Record,
    /// The answers.
    pub answers: Vec<SampledAnswer>,
}

/// An answer, and how many of the samples it is.
#[derive(Debug, Clone)]
pub struct SampledAnswer {
    /// Its calls; nothing if it is no answer.
    pub calls: Option<Vec<Call>>,
    /// Number of samples.
    pub count: u32,
}

impl SampledAnswer {
    /// Reads a policy's text. `complete` says whether the policy ended it, and no limit.
    pub fn read(layout: Layout, text: &str, complete: bool, count: u32) -> SampledAnswer {
        SampledAnswer { calls: complete.then(|| read_answer(layout, text)).flatten(), count }
    }
}

/// How many samples a choice is among, and what votes are drawn by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BestOfNSettings {
    /// The sizes (the paper's N).
    pub sizes: Vec<NonZeroUsize>,
    /// What the draws of majority votes are made of, with the prompt's id.
    pub seed: u64,
}

/// What choosing is worth. Shares are of prompts, from 0 to 1, with intervals by the bootstrap over prompts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestOfN {
    /// The reward model's fingerprint.
    pub model_fingerprint: String,
    /// How the choice was made.
    pub settings: BestOfNSettings,
    /// Prompts.
    pub prompts: usize,
    /// The share of samples that are no answer. They are not right, and chosen only among their like.
    pub no_answer: f64,
    /// The share of samples that are answers without a reward, which do not fit the reward model's context.
    /// They are chosen only if no answer with a reward is drawn.
    pub no_reward: f64,
    /// How often a single sample is right.
    pub single: Interval,
    /// By size, in the order of the settings.
    pub sizes: Vec<SampledSize>,
    /// Id and message of every prompt without a reply. They count nowhere else.
    pub failed: Vec<(String, String)>,
}

/// What choosing among so many samples is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SampledSize {
    /// Samples that are drawn, without replacement.
    pub size: usize,
    /// How often the one with the highest reward at `<TOTAL_FINISH>` is right, in expectation over the draws.
    pub best: Interval,
    /// How often the most frequent answer is right.
    pub majority: Interval,
    /// How often any is right.
    pub oracle: Interval,
    /// The reward model's gain over the vote, prompt by prompt.
    pub over_majority: Interval,
}

/// The expectations of one prompt.
struct Expected {
    single: f64,
    /// Best, majority and oracle, by size.
    sizes: Vec<[f64; 3]>,
    /// Samples: all, those that are no answer, and answers without a reward.
    counts: [usize; 3],
}

/// Scores the answers to all prompts, a prompt per request, `concurrency` at a time, and says what choosing by
/// reward is worth. `on_done` is called once for each prompt.
///
/// # Errors
/// [`EvalError::Samples`]: a prompt has fewer samples than a size. A prompt that the scorer refuses is listed
/// in the report.
pub async fn best_of_n(
    client: &Client,
    prompts: &[SampledPrompt],
    settings: &BestOfNSettings,
    concurrency: NonZeroUsize,
    mut on_done: impl FnMut(),
) -> Result<BestOfN, EvalError> {
    for prompt in prompts {
        let found = prompt.answers.iter().map(|answer| answer.count as usize).sum();
        if let Some(wanted) = settings.sizes.iter().map(|size| size.get()).find(|size| *size > found) {
            return Err(EvalError::Samples { id: prompt.record.id.clone(), found, wanted });
        }
    }
    let asked = prompts.iter().map(async |prompt| (prompt, candidates(client, prompt).await));
    let mut asked = stream::iter(asked.collect::<Vec<_>>()).buffered(concurrency.get());
    let (mut expected, mut failed, mut model_fingerprint) = (Vec::new(), Vec::new(), String::new());
    while let Some((prompt, scored)) = asked.next().await {
        on_done();
        match scored {
            Ok((fingerprint, candidates)) => {
                // A prompt without an answer asks nobody.
                if !fingerprint.is_empty() {
                    model_fingerprint = fingerprint;
                }
                expected.push(Expected::of(&prompt.record.id, &candidates, settings));
            }
            Err(message) => failed.push((prompt.record.id.clone(), message)),
        }
    }
    Ok(BestOfN { model_fingerprint, failed, ..report(&expected, settings) })
}

/// The answers to a prompt with their rewards, and who gave them.
async fn candidates(client: &Client, prompt: &SampledPrompt) -> Result<(String, Vec<Candidate>), String> {
    let answers: Vec<&[Call]> = prompt.answers.iter().filter_map(|answer| answer.calls.as_deref()).collect();
    let (fingerprint, rewards) = match answers.is_empty() {
        true => (String::new(), Vec::new()),
        false => {
            let scored = score_answers(client, prompt.record.prompt(), &answers, false).await;
            let scored = scored.map_err(|error| error.to_string())?;
            (scored.model_fingerprint.clone(), scored.totals())
        }
    };
    Ok((fingerprint, joined(prompt, rewards)))
}

/// Answers with their rewards, which are in order of those that are answers.
fn joined(prompt: &SampledPrompt, rewards: Vec<Option<f32>>) -> Vec<Candidate> {
    let mut rewards = rewards.into_iter();
    let mut distinct: Vec<&[Call]> = Vec::new();
    let candidates = prompt.answers.iter().map(|SampledAnswer { calls, count }| {
        let Some(calls) = calls else {
            return Candidate { answer: None, right: false, reward: None, count: *count };
        };
        let known = distinct.iter().position(|other| same_calls(other, calls, Equality::Strict));
        let answer = known.unwrap_or_else(|| {
            distinct.push(calls);
            distinct.len() - 1
        });
        let right = prompt.record.gold.accepts(calls);
        Candidate { answer: Some(answer), right, reward: rewards.next().flatten(), count: *count }
    });
    candidates.collect()
}

impl Expected {
    fn of(id: &str, candidates: &[Candidate], settings: &BestOfNSettings) -> Expected {
        let sizes = settings.sizes.iter().map(|size| {
            let size = size.get();
            let mut draws = Draws::of(settings.seed, &["vote", id, &size.to_string()]);
            [best(candidates, size), majority(candidates, size, &mut draws), oracle(candidates, size)]
        });
        let count = |is: fn(&Candidate) -> bool| {
            candidates.iter().filter(|one| is(one)).map(|one| one.count as usize).sum()
        };
        let no_reward = count(|one| one.answer.is_some() && one.reward.is_none());
        Expected {
            single: single(candidates),
            sizes: sizes.collect(),
            counts: [samples(candidates), count(|one| one.answer.is_none()), no_reward],
        }
    }
}

fn report(expected: &[Expected], settings: &BestOfNSettings) -> BestOfN {
    let over = |of: &dyn Fn(&Expected) -> f64| mean(&expected.iter().map(of).collect::<Vec<f64>>());
    let sizes = settings.sizes.iter().enumerate().map(|(place, size)| SampledSize {
        size: size.get(),
        best: over(&|one| one.sizes[place][0]),
        majority: over(&|one| one.sizes[place][1]),
        oracle: over(&|one| one.sizes[place][2]),
        over_majority: over(&|one| one.sizes[place][0] - one.sizes[place][1]),
    });
    let count = |kind: usize| expected.iter().map(|one| one.counts[kind]).sum::<usize>() as f64;
    BestOfN {
        model_fingerprint: String::new(),
        settings: settings.clone(),
        prompts: expected.len(),
        no_answer: count(1) / count(0).max(1.0),
        no_reward: count(2) / count(0).max(1.0),
        single: over(&|one| one.single),
        sizes: sizes.collect(),
        failed: Vec::new(),
    }
}
