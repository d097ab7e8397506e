//! `toolbeam bench`: how fast the runtime is with one model, without services.

mod cases;

use std::fmt;
use std::path::PathBuf;

use crate::exit::Ended;
use crate::models::{RuntimeArgs, policy_files};
use anyhow::Result;
use cases::Bench;
use clap::ValueEnum;
use serde::Serialize;

/// Arguments of `toolbeam bench`.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// A Hugging Face folder; the policy that ships with Toolbeam by default.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// What is timed.
    #[arg(long, value_enum)]
    case: Case,
    /// How many sequences are computed at once; by default 1, and 32 in shared-prompt.
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// The tokens of a prompt; by default 16 in decode, 400 in shared-prompt, 512 in prefill.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(3..))]
    prompt_tokens: Option<u32>,
    /// How many tokens each sequence decodes, if it does not end before; prefill decodes none.
    #[arg(long, value_name = "T", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    tokens: u32,
    /// How many runs are timed, after one that is not.
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The seed of the prompts, which are new ones in every run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Case {
    /// As many requests at once, whose random prompts have nothing in common, each decoding the most
    /// probable tokens; the prompts are part of the time.
    Decode,
    /// One request whose sequences continue one prompt, which is there already, and differ from their
    /// first token on.
    SharedPrompt,
    /// Reads random prompts, up to all logits after their last token.
    Prefill,
}

/// A case and its sizes, in sequences and tokens.
#[derive(Clone, Copy, Serialize)]
struct Shape {
    case: Case,
    batch: usize,
    prompt_tokens: usize,
    /// Per sequence; 0 in prefill.
    tokens: usize,
}

/// One timed run.
#[derive(Serialize)]
struct Run {
    /// Tokens that were decoded; in prefill, tokens that were read.
    tokens: usize,
    seconds: f64,
    tokens_per_second: f64,
}

/// What is printed.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    parameters: u64,
    device: &'a str,
    dtype: &'a str,
    #[serde(flatten)]
    shape: Shape,
    /// Tokens of a run in which no sequence ends early.
    full_tokens: usize,
    runs: Vec<Run>,
}

/// Loads the model, runs the case once for warmth and then as often as was asked for.
pub(crate) async fn run(args: BenchArgs) -> Result<Ended> {
    let model = args.runtime.load(vec![policy_files(args.model.clone())]).await?.remove(0);
    let shape = args.shape();
    let mut bench = Bench::new(model.clone(), shape, args.seed)?;
    bench.measure().await?;
    let mut runs = Vec::new();
    for _ in 0..args.runs {
        runs.push(bench.measure().await?);
    }
    let info = model.info();
    let report = Report {
        model: &info.name,
        parameters: info.parameters,
        device: &info.device,
        dtype: info.dtype,
        shape,
        full_tokens: shape.full_tokens(),
        runs,
    };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{report}"),
    }
    Ok(Ended::Done)
}

impl BenchArgs {
    fn shape(&self) -> Shape {
        let (batch, prompt_tokens) = match self.case {
            Case::Decode => (1, 16),
            Case::SharedPrompt => (32, 400),
            Case::Prefill => (1, 512),
        };
        Shape {
            case: self.case,
            batch: self.batch.unwrap_or(batch) as usize,
            prompt_tokens: self.prompt_tokens.unwrap_or(prompt_tokens) as usize,
            tokens: if self.case == Case::Prefill { 0 } else { self.tokens as usize },
        }
    }
}

impl Shape {
    fn full_tokens(&self) -> usize {
        let each = if self.case == Case::Prefill { self.prompt_tokens } else { self.tokens };
        self.batch * each
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { model, parameters, device, dtype, shape, full_tokens, runs } = self;
        writeln!(f, "{model}: {parameters} parameters, {dtype} on {device}")?;
        let Shape { batch, prompt_tokens, tokens, .. } = shape;
        match shape.case {
            Case::Decode => {
                writeln!(f, "{batch} prompts of {prompt_tokens} tokens, each continued by {tokens}")?
            }
            Case::SharedPrompt => {
                writeln!(
                    f,
                    "{batch} sequences behind one prompt of {prompt_tokens} tokens, {tokens} tokens each"
                )?;
            }
            Case::Prefill => writeln!(f, "{batch} prompts of {prompt_tokens} tokens, read")?,
        }
        for (index, Run { tokens, seconds, tokens_per_second }) in runs.iter().enumerate() {
            let early = if tokens < full_tokens { format!(" of {full_tokens}") } else { String::new() };
            let number = index + 1;
            writeln!(
                f,
                "run {number}: {tokens}{early} tokens in {seconds:.4} s, {tokens_per_second:.1} tokens/s"
            )?;
        }
        Ok(())
    }
}
