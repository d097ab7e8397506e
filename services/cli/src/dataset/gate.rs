//! `toolbeam dataset gate`.

use std::path::PathBuf;

use anyhow::Result;
use toolbeam_dataset::shared_prompts;

use super::evaluation_queries;
use crate::exit::Ended;

/// Arguments of `toolbeam dataset gate`.
#[derive(clap::Args)]
pub(crate) struct GateArgs {
    /// The set: a folder of sets, or of parts that a dataset command wrote.
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    /// The folder with the public evaluation sets.
    #[arg(long, value_name = "DIR")]
    evaluation: PathBuf,
}

/// Fails if a prompt shares a query.
pub(crate) fn run(args: &GateArgs) -> Result<Ended> {
    let evaluation = evaluation_queries(&args.evaluation)?;
    let (shared, prompts) = shared_prompts(&args.set, &evaluation)?;
    shared.iter().for_each(|id| println!("shares a query with an evaluation set: {id}"));
    println!(
        "{} of {prompts} prompts share one of {} queries of evaluation sets",
        shared.len(),
        evaluation.len()
    );
    Ok(if shared.is_empty() { Ended::Done } else { Ended::Short })
}
