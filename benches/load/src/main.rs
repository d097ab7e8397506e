//! What Toolbeam costs under load: `cargo xtask bench load` and `cargo xtask bench agreement`.
//!
//! It asks over gRPC, as any caller does, with prompts that no search has seen before.

mod agreement;
mod asking;
mod deadlines;
mod levels;
mod prompts;
mod server;
mod statistics;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;

use asking::AskingArgs;
use prompts::Prompts;
use server::{Server, ServerArgs};

/// What Toolbeam costs under load.
#[derive(Parser)]
#[command(max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Searches per second, latency and memory at each level of concurrency.
    Levels(Arguments<levels::LevelsArgs>),
    /// How often a search under load answers as deterministic mode does alone, and what that mode costs.
    Agreement(Arguments<agreement::AgreementArgs>),
    /// Who has an answer before the client's deadline, by strategy.
    Deadlines(Arguments<deadlines::DeadlinesArgs>),
}

/// What all measurements are told.
#[derive(clap::Args)]
struct Arguments<A: clap::Args> {
    /// The folder with BFCL's data, of which simple_python is read.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A file for what is found, as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    own: A,
    #[command(flatten)]
    asking: AskingArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Levels(args) => levels(args).await,
        Command::Agreement(args) => agree(args).await,
        Command::Deadlines(args) => deadlines(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn levels(args: Arguments<levels::LevelsArgs>) -> Result<()> {
    let prompts = Prompts::read(&args.data, args.own.cold)?;
    let report = levels::run(&args.own, &args.asking, &args.server, prompts).await?;
    write(args.out.as_deref(), &args.asking, &report)?;
    print!("{report}");
    Ok(())
}

async fn agree(args: Arguments<agreement::AgreementArgs>) -> Result<()> {
    let prompts = Prompts::read(&args.data, true)?;
    let server = Server::start(&args.server)?;
    let report = agreement::run(&args.own, &args.asking, &server, prompts).await?;
    write(args.out.as_deref(), &args.asking, &report)?;
    print!("{report}");
    Ok(())
}

async fn deadlines(args: Arguments<deadlines::DeadlinesArgs>) -> Result<()> {
    let prompts = Prompts::read(&args.data, true)?;
    let server = Server::start(&args.server)?;
    let report = deadlines::run(&args.own, &args.asking, &server, prompts).await?;
    write(args.out.as_deref(), &args.asking, &report)?;
    print!("{report}");
    Ok(())
}

/// What is found, and how it was asked.
#[derive(Serialize)]
struct Written<'a, R> {
    search: &'a AskingArgs,
    #[serde(flatten)]
    report: &'a R,
}

fn write(path: Option<&Path>, search: &AskingArgs, report: &impl Serialize) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(&Written { search, report })?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
