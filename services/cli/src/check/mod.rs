//! `toolbeam models check`: what a folder can serve as, and why not otherwise. Reads no weights.

mod report;

use std::path::PathBuf;

use anyhow::{Error, Result};
use toolbeam_lm::ModelFiles;

use crate::exit::{Ended, WrongFile};
use report::Report;

/// Subcommands of `toolbeam models`.
#[derive(clap::Subcommand)]
pub(crate) enum ModelsCommand {
    /// Say what a model folder can serve as, and list everything that is wrong with it. Reads headers
    /// only, no weights; exits with 1 if the folder cannot be served.
    Check(CheckArgs),
}

/// Arguments of `toolbeam models check`.
#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// A Hugging Face folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print one JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// Prints what is found; fails if the folder serves as nothing.
pub(crate) fn run_models(command: ModelsCommand) -> Result<Ended> {
    let ModelsCommand::Check(args) = command;
    if !args.folder.is_dir() {
        let said = format!("{} is no folder; name one that holds config.json", args.folder.display());
        return Err(Error::msg(WrongFile(said)));
    }
    let report = Report::of(&ModelFiles::Folder(args.folder));
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{report}"),
    }
    Ok(if report.serves() { Ended::Done } else { Ended::Short })
}
