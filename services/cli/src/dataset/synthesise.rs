//! `toolbeam dataset synthesise`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::Result;
use toolbeam_dataset::{Build, PartFolder, Queries, SynthesisSettings, Synthetic, read_tools};

use super::build::{PartArgs, fill};
use super::told;
use crate::exit::Ended;

/// Arguments of `toolbeam dataset synthesise`.
#[derive(clap::Args)]
pub(crate) struct SynthesiseArgs {
    /// Tools to make prompts of: NAME.tools.json.gz, Seal-Tools' tool.jsonl, or folders of such files. Prompts
    /// of the project's own functions are made beside them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    tools: Vec<PathBuf>,
    /// How many prompts to make.
    #[arg(long, value_name = "NUMBER")]
    count: NonZeroU64,
    #[command(flatten)]
    parts: PartArgs,
    /// How many functions of the project's own there are; 0 for those of --tools only.
    #[arg(long, value_name = "NUMBER", default_value_t = SynthesisSettings::default().composed)]
    composed: usize,
    /// How many functions are invented: of words at random, so that nothing can be remembered of them.
    #[arg(long, value_name = "NUMBER", default_value_t = SynthesisSettings::default().invented)]
    invented: usize,
    /// The most parameters that an invented function has; with 0 there is only the function to choose.
    #[arg(long, value_name = "NUMBER", default_value_t = SynthesisSettings::default().invented_parameters)]
    invented_parameters: usize,
    /// Of the functions that validation has to itself, instead of those that training has.
    #[arg(long)]
    held: bool,
    /// A function that no prompt may have. May be given several times.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// Where to write: parts and a manifest. A folder made with other settings is refused.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Makes the parts that lack.
pub(crate) fn run(args: &SynthesiseArgs) -> Result<Ended> {
    let settings = SynthesisSettings {
        held: args.held,
        without: args.without.iter().cloned().collect(),
        composed: args.composed,
        invented: args.invented,
        invented_parameters: args.invented_parameters,
        ..SynthesisSettings::default()
    };
    let synthetic = Synthetic::new(read_tools(&args.tools)?, settings, args.count.get())?;
    let build = Build::new(Vec::new(), Some(synthetic), args.parts.settings(), Queries::default(), false)?;
    let folder = PartFolder::open(&args.out, "dataset synthesise", build.plan(), build.parts())?;
    fill(&folder, &build, args.parts.shard)?;
    told(&folder)
}
