//! `toolbeam dataset build`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use toolbeam_dataset::{
    Build, BuildSettings, PartFolder, Shard, Sources, SynthesisSettings, Synthetic, read_tools,
};

use super::{evaluation_queries, read_shard, told};
use crate::eval::progress;
use crate::exit::{Ended, WrongFile};

/// Arguments of `toolbeam dataset build`.
#[derive(clap::Args)]
pub(crate) struct BuildArgs {
    /// Folders of sets: NAME.jsonl.gz with NAME.tools.json.gz, such as train/ of `dataset split`.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    sources: Vec<PathBuf>,
    /// xLAM's JSON: an array, or lines, of id, query, tools and answers. May be given several times.
    #[arg(long, value_name = "FILE")]
    xlam: Vec<PathBuf>,
    /// Hammer's training records: lines of instruction and output. May be given several times.
    #[arg(long, value_name = "FILE")]
    hammer: Vec<PathBuf>,
    /// Prompts to make of tools alone, beside those of the sources.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "tools")]
    synthetic: u64,
    /// Tools to make prompts of: NAME.tools.json.gz, Seal-Tools' tool.jsonl, or folders of such files.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    tools: Vec<PathBuf>,
    /// How many functions of the project's own stand among the tools of synthetic prompts.
    #[arg(long, value_name = "NUMBER", default_value_t = SynthesisSettings::default().composed)]
    composed: usize,
    /// How many functions are invented for them: of words at random, so that nothing can be remembered of them.
    #[arg(long, value_name = "NUMBER", default_value_t = SynthesisSettings::default().invented)]
    invented: usize,
    /// A function that no synthetic prompt may have. May be given several times.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    #[command(flatten)]
    parts: PartArgs,
    /// The folder with the public evaluation sets. A prompt that shares a query with them is refused.
    #[arg(long, value_name = "DIR")]
    evaluation: Option<PathBuf>,
    /// Leave out prompts that share a query with an evaluation set, instead of refusing all.
    #[arg(long, requires = "evaluation")]
    drop_shared: bool,
    /// Where to write: parts and a manifest. A folder made with other settings is refused.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// How parts are made.
#[derive(clap::Args)]
pub(super) struct PartArgs {
    /// How likely the names of a prompt's functions and parameters become random text, 0 to 1.
    #[arg(long, value_name = "R", default_value = "0", value_parser = read_rate)]
    mask_rate: f64,
    /// Prompts, masks, names and the order are drawn by this.
    #[arg(long)]
    seed: u64,
    /// So many prompts, at most, show the same tools, which training then reads once for all of them. Of
    /// synthetic prompts there are then fewer than are asked for: not every kind can be made for any tools.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    share_tools: NonZeroUsize,
    /// Only a share of the parts, such as 1/4; shares may be made at the same time, into the same folder.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = read_shard)]
    pub(super) shard: Shard,
    /// Prompts in a part.
    #[arg(long, default_value = "1000")]
    part_size: NonZeroUsize,
}

impl PartArgs {
    pub(super) fn settings(&self) -> BuildSettings {
        BuildSettings {
            mask_rate: self.mask_rate,
            seed: self.seed,
            part_size: self.part_size.get(),
            share_tools: self.share_tools.get(),
        }
    }
}

/// Makes the parts that lack.
pub(crate) fn run(args: &BuildArgs) -> Result<Ended> {
    let sources = Sources { own: args.sources.clone(), xlam: args.xlam.clone(), hammer: args.hammer.clone() };
    let examples = sources.read()?;
    ensure!(
        !examples.is_empty() || args.synthetic > 0,
        WrongFile("no prompt to write; give --sources, --xlam, --hammer, or --synthetic".to_owned())
    );
    let evaluation = args.evaluation.as_deref().map(evaluation_queries).transpose()?.unwrap_or_default();
    let build = Build::new(examples, synthetic(args)?, args.parts.settings(), evaluation, args.drop_shared)?;
    let folder = PartFolder::open(&args.out, "dataset build", build.plan(), build.parts())?;
    fill(&folder, &build, args.parts.shard)?;
    if build.plan().dropped > 0 {
        println!("left out: {} that share a query with an evaluation set", build.plan().dropped);
    }
    told(&folder)
}

/// Makes the parts of a share that lack, behind a bar.
pub(super) fn fill(folder: &PartFolder, build: &Build, shard: Shard) -> Result<()> {
    let missing = folder.missing(shard);
    let bar = progress(missing.len() * build.plan().settings.part_size, 0);
    for number in missing {
        let mut part = folder.part(number)?;
        let contents = build.write(number, &mut part, || bar.inc(1))?;
        folder.put(number, part, contents)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// What is to be made of tools alone.
fn synthetic(args: &BuildArgs) -> Result<Option<Synthetic>> {
    if args.synthetic == 0 {
        return Ok(None);
    }
    let settings = SynthesisSettings {
        without: args.without.iter().cloned().collect(),
        composed: args.composed,
        invented: args.invented,
        ..SynthesisSettings::default()
    };
    Ok(Some(Synthetic::new(read_tools(&args.tools)?, settings, args.synthetic)?))
}

/// A rate from 0 to 1.
fn read_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "write a number from 0 to 1".to_owned())
}
