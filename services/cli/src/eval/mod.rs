//! `toolbeam eval`: how good is this policy with this reward model under this strategy?

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use toolbeam_eval::{Report, Suite, compare_verdicts, f1, load, run as ask};

use crate::call::SearchArgs;
use crate::connection::ConnectionArgs;
use crate::exit::Ended;

mod best_of_n;
mod noise;
mod pairs;
mod rewards;
mod run;
mod stored;

pub(crate) use run::progress;
pub(crate) use stored::{record_of, rollout_settings};

/// Evaluations.
#[derive(Subcommand)]
pub(crate) enum EvalCommand {
    /// Count answers that equal the gold calls exactly.
    ExactMatch(Box<ExactMatchArgs>),
    /// Compare verdicts of BFCL's AST checker with those of Toolbeam's. Fails if any differs.
    CheckBfcl(CheckBfclArgs),
    /// F1 of function names and arguments of predictions in Hammer's format, as its own script counts and
    /// strictly. Prints one JSON object.
    F1(F1Args),
    /// Search every record of a set and keep each outcome in a folder: a run that was killed goes on where
    /// it was. Prints accuracy by category with intervals, and what it cost.
    Run(Box<run::RunArgs>),
    /// Choose among stored samples by reward, and compare with majority vote and with any right sample. Prints
    /// a table in Markdown last.
    BestOfN(best_of_n::BestOfNArgs),
    /// Make pairs of right and wrong answers, in FC-RewardBench's format, of a set's right calls and the
    /// wrong ones of runs or rollouts.
    Pairs(pairs::PairsArgs),
    /// Judge a reward model by pairs: loss, accuracy by step and trajectory, AUC, calibration, and how many
    /// pairs it puts in order. Prints one JSON object last.
    Rewards(rewards::RewardsArgs),
    /// Write a run's answers for BFCL's own evaluator, or as predictions for `eval f1` and Hammer's script.
    Export(run::ExportArgs),
}

/// Arguments of `toolbeam eval exact-match`.
#[derive(clap::Args)]
pub(crate) struct ExactMatchArgs {
    /// The evaluation set.
    #[arg(long, value_enum)]
    suite: SuiteName,
    /// The folder that holds it, such as a copy of the public sets.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How many searches run at a time.
    #[arg(long, default_value = "1")]
    concurrency: NonZeroUsize,
    /// Only the first records.
    #[arg(long)]
    limit: Option<usize>,
    /// Print the verdict and the calls of each record.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Arguments of `toolbeam eval check-bfcl`.
#[derive(clap::Args)]
pub(crate) struct CheckBfclArgs {
    /// The folder with BFCL's questions and, in `possible_answer`, its answers.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// JSON lines of id, category, output (the model's text), valid and error_type.
    #[arg(long, value_name = "FILE")]
    vectors: PathBuf,
}

/// Arguments of `toolbeam eval f1`.
#[derive(clap::Args)]
pub(crate) struct F1Args {
    /// JSON lines of `label` and `predict`, two texts that hold a JSON list of calls.
    #[arg(long, value_name = "FILE")]
    predictions: PathBuf,
}

/// Evaluation sets by name.
#[derive(Clone, Copy, ValueEnum)]
enum SuiteName {
    /// BFCL's single calls in Python.
    SimplePython,
    /// Seal-Tools, in-domain test.
    SealToolsInDomain,
}

/// Runs an evaluation. Fails if a search failed.
pub(crate) async fn run_eval(command: EvalCommand) -> Result<Ended> {
    match command {
        EvalCommand::ExactMatch(args) => exact_match(*args).await,
        EvalCommand::CheckBfcl(args) => check_bfcl(&args),
        EvalCommand::F1(args) => {
            println!("{}", serde_json::to_string(&f1(&args.predictions)?)?);
            Ok(Ended::Done)
        }
        EvalCommand::Run(args) => run::run(*args).await,
        EvalCommand::BestOfN(args) => best_of_n::run(args).await,
        EvalCommand::Pairs(args) => pairs::pairs(&args),
        EvalCommand::Rewards(args) => rewards::rewards(args).await,
        EvalCommand::Export(args) => run::export(&args),
    }
}

fn check_bfcl(args: &CheckBfclArgs) -> Result<Ended> {
    let found = compare_verdicts(&args.data, &args.vectors)?;
    found.differences.iter().for_each(|difference| println!("{difference}"));
    println!("{} of {} also say why in the same words", found.same_reason, found.agree);
    println!("agree {} of {}", found.agree, found.total);
    Ok(if found.agree == found.total { Ended::Done } else { Ended::Short })
}

async fn exact_match(args: ExactMatchArgs) -> Result<Ended> {
    let suite = match args.suite {
        SuiteName::SimplePython => Suite::SimplePython,
        SuiteName::SealToolsInDomain => Suite::SealToolsInDomain,
    };
    let mut records = load(suite, &args.data)?;
    records.truncate(args.limit.unwrap_or(records.len()));
    let template = args.search.template();
    let client = args.connection.client(args.search.client()).await?;
    let mut done = 0;
    let report = ask(&client, &records, &template, args.concurrency, |judged| {
        done += 1;
        if args.verbose {
            let calls = judged.calls.iter().map(|call| format!("{}({})", call.name, call.arguments_json()));
            println!("{}: {:?}: {}", judged.id, judged.verdict, calls.collect::<Vec<_>>().join(" "));
        } else if done % 50 == 0 {
            eprintln!("{done} of {}", records.len());
        }
    })
    .await;
    for (id, message) in &report.failed {
        eprintln!("{id} failed: {message}");
    }
    println!("{}", summary(&report));
    Ok(if report.failed.is_empty() { Ended::Done } else { Ended::Short })
}

fn summary(report: &Report) -> String {
    format!(
        "exact {} of {} ({} comparing scalars by their text), {} without a valid answer, {} failed, \
         mean {:.0} ms, median {:.0} ms, {} policy tokens, {} reward tokens",
        report.exact,
        report.total,
        report.exact_text,
        report.no_valid_answer,
        report.failed.len(),
        report.mean_ms,
        report.median_ms,
        report.policy_tokens,
        report.reward_tokens,
    )
}
