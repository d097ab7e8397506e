//! `toolbeam dataset statistics`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use toolbeam_dataset::{LabelledPrompt, PartReader, Statistics};

use crate::exit::Ended;

/// Arguments of `toolbeam dataset statistics`.
#[derive(clap::Args)]
pub(crate) struct StatisticsArgs {
    /// The folder that `dataset annotate` made.
    #[arg(value_name = "DIR")]
    set: PathBuf,
    /// Write the numbers as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Prints the tables.
pub(crate) fn run(args: &StatisticsArgs) -> Result<Ended> {
    let mut statistics = Statistics::default();
    for labelled in PartReader::<LabelledPrompt>::open(&args.set)? {
        statistics.add(&labelled?)?;
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&statistics)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print!("{}", statistics.markdown());
    Ok(Ended::Done)
}
