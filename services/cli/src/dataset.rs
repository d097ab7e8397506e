//! `toolbeam dataset`: records for training and validation.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use toolbeam_dataset::{Dataset, Part, Queries, SplitSettings, split};

use crate::exit::Ended;

/// Work on sets of records.
#[derive(Subcommand)]
pub(crate) enum DatasetCommand {
    /// Split sets into training and validation that share no function and no query, and share no query with
    /// the evaluation sets. Nothing is drawn by chance: the same sets give the same parts.
    Split(SplitArgs),
}

/// Arguments of `toolbeam dataset split`.
#[derive(clap::Args)]
pub(crate) struct SplitArgs {
    /// The folder of sets: NAME.jsonl.gz with NAME.tools.json.gz.
    #[arg(long, value_name = "DIR")]
    sources: PathBuf,
    /// The folder with the public evaluation sets, whose queries neither part may have.
    #[arg(long, value_name = "DIR")]
    evaluation: PathBuf,
    /// Where to write train/, validation/ and split.json.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The most validation prompts of one set that call the same functions.
    #[arg(long, default_value_t = SplitSettings::default().per_function)]
    per_function: usize,
    /// How many validation prompts there have to be.
    #[arg(long, default_value_t = SplitSettings::default().at_least)]
    at_least: usize,
    /// A function that neither part may have. May be given several times.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
}

/// Runs a command.
pub(crate) fn run(command: DatasetCommand) -> Result<Ended> {
    match command {
        DatasetCommand::Split(args) => run_split(args),
    }
}

fn run_split(args: SplitArgs) -> Result<Ended> {
    let sets = Dataset::read_all(&args.sources)?;
    let mut evaluation = Queries::default();
    for turns in toolbeam_eval::user_turns(&args.evaluation)? {
        evaluation.add(turns.iter().map(String::as_str));
    }
    let settings = SplitSettings {
        per_function: args.per_function,
        at_least: args.at_least,
        without: args.without.into_iter().collect(),
    };
    let found = split(&sets, &evaluation, &settings)?;
    found.write(&args.out)?;
    for (name, part) in [("train", &found.summary.train), ("validation", &found.summary.validation)] {
        println!("{}", described(name, part));
    }
    for (reason, count) in &found.summary.left_out {
        println!("left out: {count} {reason}");
    }
    let shared = found.summary.shared;
    println!(
        "validation: {} prompts, digest {}; shared: {} functions, {} queries, {} queries of {} in evaluation sets",
        found.summary.validation.records,
        found.summary.validation.digest,
        shared.functions,
        shared.queries,
        shared.evaluation_queries,
        evaluation.len()
    );
    Ok(if shared == Default::default() { Ended::Done } else { Ended::Short })
}

fn described(name: &str, part: &Part) -> String {
    let sets = part.sets.iter().map(|(set, count)| format!("{count} {set}"));
    let calls = part.calls.iter().map(|(calls, count)| format!("{count} with {calls}"));
    format!(
        "{name}: {} records ({}), {} functions, calls: {}",
        part.records,
        sets.collect::<Vec<_>>().join(", "),
        part.functions,
        calls.collect::<Vec<_>>().join(", ")
    )
}
