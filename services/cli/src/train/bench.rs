//! `toolbeam train bench`: how fast steps are.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use toolbeam_lm::DtypeChoice;
use toolbeam_reward::RewardKind;
use toolbeam_train::{
    AdamWSettings, Length, MeasureConfig, MuonSettings, OptimizerSettings, Settings, Softmax, Task, measure,
};

use crate::models::policy_files;

/// Arguments of `toolbeam train bench`.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// The model folder; by default the policy that ships with Toolbeam.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The rows, a JSON list of objects with prompt (tokens) and answers (tokens, and marks: places and labels).
    #[arg(long, value_name = "FILE")]
    rows: PathBuf,
    /// What is learned from them.
    #[arg(long, value_enum)]
    case: Case,
    /// The tokens of + and -.
    #[arg(long, num_args = 2, default_values_t = [10, 12])]
    labels: Vec<u32>,
    /// Use Muon for the matrices of the layers.
    #[arg(long)]
    muon: bool,
    /// The most tokens of a batch.
    #[arg(long, default_value_t = 4096)]
    batch_tokens: usize,
    /// Steps that are timed.
    #[arg(long, default_value_t = 20)]
    steps: u64,
    /// Steps before them.
    #[arg(long, default_value_t = 3)]
    warm_up: u64,
    /// In which type to compute: auto, float32 or bfloat16.
    #[arg(long, default_value = "auto")]
    dtype: DtypeChoice,
    /// Threads of one operation.
    #[arg(long)]
    threads: Option<usize>,
}

/// What is learned.
#[derive(Clone, Copy, ValueEnum)]
enum Case {
    /// Every token of the answers.
    Answers,
    /// The labels of the marked tokens.
    Labels,
}

/// Makes steps and prints what they took, as one JSON object.
pub(super) fn run(args: BenchArgs) -> Result<()> {
    let task = match args.case {
        Case::Answers => Task::Answers { prompt_share: 0.0, prompt_weight: 0.0 },
        Case::Labels => Task::Labels { kind: RewardKind::ToolPrm, softmax: Softmax::Labels },
    };
    let settings = Settings {
        task,
        length: Length::Steps(args.warm_up + args.steps),
        batch_tokens: args.batch_tokens,
        accumulate: 1,
        longest: args.batch_tokens,
        optimizer: OptimizerSettings {
            adamw: AdamWSettings { rate: 1e-4, betas: (0.9, 0.98), epsilon: 1e-8, decay: 0.01 },
            muon: args.muon.then_some(MuonSettings { rate: 1e-3, momentum: 0.95, decay: 0.01 }),
        },
        warmup: 0.0,
        floor: 1.0,
        clip: 1.0,
        seed: 1,
    };
    let config = MeasureConfig {
        model: policy_files(args.model),
        rows: args.rows,
        labels: [args.labels[0], args.labels[1]],
        warm_up: args.warm_up,
        dtype: args.dtype,
        threads: args.threads,
    };
    println!("{}", serde_json::to_string(&measure(&config, &settings)?)?);
    Ok(())
}
