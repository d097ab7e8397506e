//! `toolbeam report`: runs of an evaluation beside each other.

use std::path::PathBuf;

use anyhow::Result;
use toolbeam_eval::Comparison;

use crate::exit::Ended;

/// Arguments of `toolbeam report`.
#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    /// Folders of runs of the same records (`toolbeam eval run`). The others are compared with the first.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Write report.md and report.html there too, the latter with plots of accuracy against cost.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the tables, and writes them.
pub(crate) fn run(args: &ReportArgs) -> Result<Ended> {
    let comparison = Comparison::read(&args.runs)?;
    print!("{}", comparison.markdown());
    if let Some(folder) = &args.out {
        let written = comparison.write(folder)?;
        println!();
        written.iter().for_each(|path| println!("{}", path.display()));
    }
    Ok(Ended::Done)
}
