//! `toolbeam dataset rollout`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use toolbeam_client::{Client, ClientConfig};
use toolbeam_dataset::{Manifest, PartFolder, PartReader, RolloutSettings, Shard, roll_out};

use super::{read_shard, told};
use crate::eval::progress;
use crate::exit::Ended;
use crate::roles::{EmbeddedPolicyArgs, embedded_policy};

/// The policy of this process, in the place of an address.
const EMBEDDED: &str = "embedded";

/// Arguments of `toolbeam dataset rollout`.
#[derive(clap::Args)]
pub(crate) struct RolloutArgs {
    /// The folder of prompts that `dataset build` made.
    #[arg(long, value_name = "DIR")]
    examples: PathBuf,
    /// A running policy, host:port, or embedded: one in this process.
    #[arg(long, value_name = "ADDRESS", default_value = EMBEDDED)]
    policy: String,
    /// Answers to sample for every prompt.
    #[arg(long, default_value = "8")]
    samples: NonZeroU32,
    /// Divides the policy's logits.
    #[arg(long, default_value_t = 0.8, value_parser = read_temperature)]
    temperature: f32,
    /// What every prompt's seed is made of, with its id.
    #[arg(long)]
    seed: u64,
    /// The most tokens of an answer. 0 is the policy's own limit.
    #[arg(long, default_value_t = 0)]
    max_tokens: u32,
    /// The same seed gives the same bytes. Slower: nothing is computed together with other prompts. Without
    /// it the same random numbers are used, and answers differ only where rounding differs between shapes of
    /// batches.
    #[arg(long)]
    deterministic: bool,
    /// How many prompts are asked about at a time.
    #[arg(long, default_value = "32")]
    concurrency: NonZeroUsize,
    /// Only a share of the parts, such as 1/4; shares may be made at the same time, into the same folder.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = read_shard)]
    shard: Shard,
    /// How long the policy may take for a prompt, those before it included.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_s: u64,
    /// Where to write: a part for each part of the prompts. A folder made with other settings is refused.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    embedded: EmbeddedPolicyArgs,
}

/// Makes the parts that lack, and says how fast. Prompts that the policy refuses are listed.
pub(crate) async fn run(args: RolloutArgs) -> Result<Ended> {
    let examples = Manifest::read(&args.examples)?;
    let config = ClientConfig { deadline: Duration::from_secs(args.timeout_s), ..ClientConfig::default() };
    let client = match args.policy.as_str() {
        EMBEDDED => Client::over(embedded_policy(args.embedded).await?, config),
        address => Client::connect(address, config).await?,
    };
    let settings = RolloutSettings {
        samples: args.samples.get(),
        temperature: args.temperature,
        seed: args.seed,
        max_tokens: args.max_tokens,
        deterministic: args.deterministic,
        policy: client.policy_info().await?.into(),
        examples: examples.digest(),
    };
    let folder = PartFolder::open(&args.out, "dataset rollout", &settings, examples.parts.len())?;
    let missing = folder.missing(args.shard);
    let per_part = examples.contents.lines as usize / examples.parts.len().max(1);
    let bar = progress(missing.len() * per_part, 0);
    let (began, mut prompts) = (Instant::now(), 0u64);
    for number in missing {
        let mut part = folder.part(number)?;
        let lines = PartReader::open_part(&args.examples, number);
        let contents =
            roll_out(&client, lines, &settings, args.concurrency, &mut part, || bar.inc(1)).await?;
        prompts += folder.put(number, part, contents)?.lines;
    }
    bar.finish_and_clear();
    let ended = told(&folder)?;
    let (rollouts, seconds) = (prompts * u64::from(args.samples.get()), began.elapsed().as_secs_f64());
    println!("{rollouts} rollouts in {seconds:.1} s: {:.0} per minute", rollouts as f64 / seconds * 60.0);
    Ok(ended)
}

fn read_temperature(text: &str) -> Result<f32, String> {
    let temperature = text.parse().ok().filter(|number: &f32| number.is_finite() && *number >= 0.0);
    temperature.ok_or_else(|| "write a number that is not negative".to_owned())
}
