//! `toolbeam dataset filter`: the prompts whose best answer a reward model likes most (ToolRM's data filter,
//! arXiv 2509.11963).

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use serde::Serialize;
use toolbeam_client::{Client, ClientConfig, ClientError, Code};
use toolbeam_dataset::{Answer, Contents, Example, Manifest, PartFolder, Shard};
use toolbeam_eval::score_answers;

use self::answered::{Answered, Kind};
use super::told;
use crate::connection::ConnectionArgs;
use crate::eval::{progress, record_of};
use crate::exit::Ended;

mod answered;

/// Arguments of `toolbeam dataset filter`.
#[derive(clap::Args)]
pub(crate) struct FilterArgs {
    /// The folder that `dataset rollout` or `dataset annotate` made. Of a prompt's answers, that with the
    /// highest reward is chosen; corrupted ones never are.
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    #[command(flatten)]
    rule: Rule,
    /// Rewards do not depend on what else is computed, so that the same set gives the same bytes. Slower.
    /// Without it they may differ in their last digits, and what is kept at the edge with them.
    #[arg(long)]
    deterministic: bool,
    /// How many prompts are asked for at a time.
    #[arg(long, default_value = "8")]
    concurrency: NonZeroUsize,
    /// Where to write: a part for each part of the set. A folder made with other settings is refused.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Which prompts are kept.
#[derive(clap::Args, Clone, Copy, Debug, Serialize)]
#[group(required = true, multiple = false)]
struct Rule {
    /// The share of the prompts with a reward that is kept, 0 to 1. Of equal rewards the earlier ones are.
    #[arg(long, value_name = "SHARE", value_parser = read_share)]
    keep: Option<f64>,
    /// Keep the prompts whose best answer has this reward or a higher one.
    #[arg(long, value_name = "REWARD", value_parser = read_share)]
    at_least: Option<f64>,
}

/// A number from 0 to 1.
fn read_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// What every byte of the folder follows from.
#[derive(Serialize)]
struct FilterSettings {
    /// The digest of the set.
    set: String,
    /// The reward model's fingerprint.
    scorer: String,
    #[serde(flatten)]
    rule: Rule,
    /// How many prompts are kept.
    kept: usize,
    /// The lowest reward among them.
    lowest: Option<f32>,
}

/// What a reward model says of a prompt.
enum Judged {
    /// The place of the answer with the highest reward, and that reward.
    Best(usize, f32),
    /// Why there is none, in a word to count by.
    None(&'static str),
    /// The scorer cannot be asked this, in its words.
    Refused(String),
}

impl Judged {
    fn reward(&self) -> Option<f32> {
        match self {
            Judged::Best(_, reward) => Some(*reward),
            Judged::None(_) | Judged::Refused(_) => None,
        }
    }
}

/// Reads the set twice: for rewards, and to write what is kept. Prompts that the scorer refuses are listed.
pub(crate) async fn run(args: FilterArgs) -> Result<Ended> {
    let manifest = Manifest::read(&args.set)?;
    let kind = Kind::of(&args.set, &manifest)?;
    let client = args.connection.client(ClientConfig::default()).await?;
    let asking = Asking { client, deterministic: args.deterministic, concurrency: args.concurrency };
    let bar = progress(manifest.contents.lines as usize, 0);
    let (mut parts, mut scorer) = (Vec::new(), String::new());
    for number in 0..manifest.parts.len() {
        parts.push(asking.judge(kind.read(&args.set, number), &mut scorer, || bar.inc(1)).await?);
    }
    bar.finish_and_clear();
    let rewards: Vec<Option<f32>> = parts.iter().flatten().map(Judged::reward).collect();
    let kept = kept(&rewards, args.rule);
    let lowest = kept.iter().zip(&rewards).filter(|(kept, _)| **kept).filter_map(|(_, reward)| *reward);
    let settings = FilterSettings {
        set: manifest.digest(),
        scorer,
        rule: args.rule,
        kept: kept.iter().filter(|kept| **kept).count(),
        lowest: lowest.reduce(f32::min),
    };
    let folder = PartFolder::open(&args.out, "dataset filter", &settings, parts.len())?;
    let mut kept = kept.into_iter();
    let missing = folder.missing(Shard::WHOLE);
    for (number, judged) in parts.into_iter().enumerate() {
        let decided: Vec<(Judged, bool)> = judged.into_iter().zip(kept.by_ref()).collect();
        if missing.contains(&number) {
            write(&folder, number, kind.read(&args.set, number), decided)?;
        }
    }
    told(&folder)
}

/// Writes a part's prompts that are kept, each with its chosen answer, and counts.
fn write(
    folder: &PartFolder,
    number: usize,
    prompts: impl Iterator<Item = Result<Answered>>,
    decided: Vec<(Judged, bool)>,
) -> Result<()> {
    let (mut part, mut contents) = (folder.part(number)?, Contents::default());
    for (answered, (judged, kept)) in prompts.zip(decided) {
        let Answered { prompt, mut answers } = answered?;
        match judged {
            Judged::Best(place, _) if kept => {
                let chosen = answers.swap_remove(place);
                let calls = chosen.iter().map(Answer::call).collect::<Result<Vec<_>, _>>()?;
                let right = record_of(&prompt)?.gold.accepts(&calls);
                contents.count("prompts", "kept");
                contents.count("kept answers", if right { "right" } else { "wrong" });
                part.add(&Example { answers: chosen, ..prompt })?;
            }
            Judged::Best(..) => contents.count("prompts", "below"),
            Judged::None(why) => contents.count("prompts", why),
            Judged::Refused(reason) => {
                contents.count("prompts", "refused");
                contents.failed.insert(prompt.id, reason);
            }
        }
    }
    folder.put(number, part, contents)?;
    Ok(())
}

/// Which prompts are kept, by the rewards of their best answers. Those without a reward never are. A share is
/// rounded to the nearest number of prompts.
fn kept(rewards: &[Option<f32>], rule: Rule) -> Vec<bool> {
    if let Some(least) = rule.at_least {
        return rewards
            .iter()
            .map(|reward| reward.is_some_and(|reward| f64::from(reward) >= least))
            .collect();
    }
    let mut ranked: Vec<(usize, f32)> =
        rewards.iter().enumerate().filter_map(|(place, reward)| Some((place, (*reward)?))).collect();
    // Stable: of equal rewards the earlier one stays first.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let number = (rule.keep.unwrap_or_default() * ranked.len() as f64).round() as usize;
    let mut kept = vec![false; rewards.len()];
    ranked.iter().take(number).for_each(|(place, _)| kept[*place] = true);
    kept
}

/// How rewards are asked for.
struct Asking {
    client: Client,
    deterministic: bool,
    concurrency: NonZeroUsize,
}

impl Asking {
    /// Judges the prompts of a part, in their order. `scorer` is the fingerprint of the model that does, which
    /// has to stay the same.
    async fn judge(
        &self,
        prompts: impl Iterator<Item = Result<Answered>>,
        scorer: &mut String,
        mut on_prompt: impl FnMut(),
    ) -> Result<Vec<Judged>> {
        let asked = stream::iter(prompts).map(async |answered| self.ask(&answered?).await);
        let mut asked = asked.buffered(self.concurrency.get());
        let mut judged = Vec::new();
        while let Some(one) = asked.next().await {
            let (fingerprint, one) = one?;
            if let Some(found) = fingerprint {
                let same = scorer.is_empty() || *scorer == found;
                ensure!(same, "the scorer answers as {found}, and was {scorer}; give the command again");
                *scorer = found;
            }
            judged.push(one);
            on_prompt();
        }
        Ok(judged)
    }

    async fn ask(&self, answered: &Answered) -> Result<(Option<String>, Judged)> {
        if answered.answers.is_empty() {
            return Ok((None, Judged::None("without an answer")));
        }
        let record = record_of(&answered.prompt)?;
        let calls = answered.answers.iter().map(|calls| calls.iter().map(Answer::call).collect());
        let calls: Vec<Vec<_>> = calls.collect::<Result<_, _>>()?;
        let answers: Vec<_> = calls.iter().map(Vec::as_slice).collect();
        let scored = match score_answers(&self.client, record.prompt(), &answers, self.deterministic).await {
            Ok(scored) => scored,
            Err(error) if is_refusal(&error) => return Ok((None, Judged::Refused(error.to_string()))),
            Err(error) => return Err(error.into()),
        };
        let rewards = scored.totals();
        Ok((Some(scored.model_fingerprint), best(&rewards)))
    }
}

/// Whether the scorer says that it cannot judge this prompt, whenever it is asked.
fn is_refusal(error: &ClientError) -> bool {
    matches!(error.code(), Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange)
}

/// The answer with the highest reward; of equal ones the first, which was sampled most often.
fn best(rewards: &[Option<f32>]) -> Judged {
    let known = rewards.iter().enumerate().filter_map(|(place, reward)| Some((place, (*reward)?)));
    let best = known.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map_or(Judged::None("without a reward"), |(place, reward)| Judged::Best(place, reward))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rewards_are_kept() {
        let rewards = [Some(0.5), None, Some(0.9), Some(0.5), Some(0.1), Some(0.5)];
        let check = |keep: Option<f64>, at_least: Option<f64>, expected: &[usize]| {
            let found = kept(&rewards, Rule { keep, at_least });
            let places: Vec<usize> =
                found.iter().enumerate().filter(|(_, kept)| **kept).map(|(place, _)| place).collect();
            assert_eq!(places, expected, "{keep:?} {at_least:?}");
        };
        check(Some(0.0), None, &[]);
        check(Some(0.2), None, &[2]);
        check(Some(0.6), None, &[0, 2, 3]);
        check(Some(1.0), None, &[0, 2, 3, 4, 5]);
        check(None, Some(0.5), &[0, 2, 3, 5]);
        check(None, Some(0.95), &[]);
        assert!(kept(&[], Rule { keep: Some(0.5), at_least: None }).is_empty());
    }

    #[test]
    fn the_first_of_the_highest_rewards_is_chosen() {
        let check = |rewards: &[Option<f32>], expected: Option<(usize, f32)>| {
            let found = match best(rewards) {
                Judged::Best(place, reward) => Some((place, reward)),
                Judged::None(_) | Judged::Refused(_) => None,
            };
            assert_eq!(found, expected, "{rewards:?}");
        };
        check(&[Some(0.2), None, Some(0.7), Some(0.7)], Some((2, 0.7)));
        check(&[None], None);
    }
}
