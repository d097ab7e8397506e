//! `toolbeam dataset split`.

use std::path::PathBuf;

use anyhow::Result;
use toolbeam_dataset::{Dataset, Part, SplitSettings, split};

use super::evaluation_queries;
use crate::exit::Ended;

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
    /// Which tenths of the functions, 0 to 9 by the MD5 of their names, validation has to itself; such as 1,2 to
    /// keep functions apart a second time.
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "0",
          value_parser = clap::value_parser!(u8).range(0..=9))]
    tenths: Vec<u8>,
    /// How many validation prompts there have to be.
    #[arg(long, default_value_t = SplitSettings::default().at_least)]
    at_least: usize,
    /// A function that neither part may have. May be given several times.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
}

/// Splits, and says what the parts share.
pub(crate) fn run(args: SplitArgs) -> Result<Ended> {
    let sets = Dataset::read_all(&args.sources)?;
    let evaluation = evaluation_queries(&args.evaluation)?;
    let settings = SplitSettings {
        per_function: args.per_function,
        at_least: args.at_least,
        without: args.without.into_iter().collect(),
        tenths: args.tenths.into_iter().collect(),
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
