//! `toolbeam dataset annotate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, Result};
use toolbeam_dataset::{
    AnnotationSettings, Contents, Manifest, PartFolder, PartReader, RolloutSettings, Rollouts, Shard,
    annotate,
};

use super::{read_shard, told};
use crate::eval::progress;
use crate::exit::{Ended, WrongFile};

/// Arguments of `toolbeam dataset annotate`.
#[derive(clap::Args)]
pub(crate) struct AnnotateArgs {
    /// The folder that `dataset rollout` made.
    #[arg(long, value_name = "DIR")]
    rollouts: PathBuf,
    /// The most answers of a prompt that are its right one with a decision made wrong.
    #[arg(long, value_name = "K", default_value_t = 0)]
    corruptions: usize,
    /// The most answers of a prompt. Those that were sampled less often go, but not the only right one.
    #[arg(long, default_value = "8")]
    most: NonZeroUsize,
    /// What corruptions are drawn by.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only a share of the parts, such as 1/4; shares may be made at the same time, into the same folder.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = read_shard)]
    shard: Shard,
    /// Where to write: a part for each part of the rollouts. A folder made with other settings is refused.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Makes the parts that lack.
pub(crate) fn run(args: &AnnotateArgs) -> Result<Ended> {
    let rollouts = Manifest::read(&args.rollouts)?;
    let sampled: RolloutSettings = serde_json::from_value(rollouts.made["settings"].clone())
        .with_context(|| WrongFile(format!("{} was not made by dataset rollout", args.rollouts.display())))?;
    let layout = sampled.policy.layout.grammar();
    let settings = AnnotationSettings {
        most: args.most.get(),
        corruptions: args.corruptions,
        seed: args.seed,
        rollouts: rollouts.digest(),
    };
    let folder = PartFolder::open(&args.out, "dataset annotate", &settings, rollouts.parts.len())?;
    let missing = folder.missing(args.shard);
    let bar = progress(missing.len(), 0);
    for number in missing {
        let mut part = folder.part(number)?;
        let mut contents = Contents::default();
        for prompt in PartReader::<Rollouts>::open_part(&args.rollouts, number) {
            part.add(&annotate(prompt?, layout, &settings, &mut contents)?)?;
        }
        folder.put(number, part, contents)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    told(&folder)
}
