//! `toolbeam eval best-of-n`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, Result};
use toolbeam_client::ClientConfig;
use toolbeam_eval::{BestOfNSettings, best_of_n};

use super::run::progress;
use super::stored::sampled_prompts;
use crate::connection::ConnectionArgs;
use crate::exit::Ended;

/// Arguments of `toolbeam eval best-of-n`.
#[derive(clap::Args)]
pub(crate) struct BestOfNArgs {
    /// The folder that `dataset rollout` made, with as many samples of a prompt as the largest size.
    #[arg(long, value_name = "DIR")]
    rollouts: PathBuf,
    /// Among how many samples to choose; several with commas between them.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values = ["1", "4", "16", "32"])]
    sizes: Vec<NonZeroUsize>,
    /// What the draws of majority votes are made of. Rewards choose by expectation, without draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only the first prompts.
    #[arg(long)]
    limit: Option<usize>,
    /// How many prompts are asked for at a time.
    #[arg(long, default_value = "8")]
    concurrency: NonZeroUsize,
    /// Write the figures here, as JSON.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Scores stored answers and says what choosing by reward is worth. Fails if a prompt has no reply.
pub(crate) async fn run(args: BestOfNArgs) -> Result<Ended> {
    let prompts = sampled_prompts(&args.rollouts, args.limit)?;
    let settings = BestOfNSettings { sizes: args.sizes, seed: args.seed };
    let client = args.connection.client(ClientConfig::default()).await?;
    let bar = progress(prompts.len(), 0);
    let report = best_of_n(&client, &prompts, &settings, args.concurrency, || bar.inc(1)).await?;
    bar.finish_and_clear();
    let text = serde_json::to_string_pretty(&report)? + "\n";
    std::fs::write(&args.out, text).with_context(|| format!("cannot write {}", args.out.display()))?;
    for (id, message) in &report.failed {
        println!("failed: {id}: {message}");
    }
    print!("{}", report.markdown());
    Ok(if report.failed.is_empty() { Ended::Done } else { Ended::Short })
}
