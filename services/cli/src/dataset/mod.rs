//! `toolbeam dataset`: records for training and validation.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use toolbeam_dataset::{Contents, Manifest, PartFolder, Queries, Shard};

use crate::exit::Ended;

mod annotate;
mod build;
mod export;
mod filter;
mod gate;
mod rollout;
mod split;
mod statistics;
mod synthesise;

/// Work on sets of records.
#[derive(Subcommand)]
pub(crate) enum DatasetCommand {
    /// Split sets into training and validation that share no function and no query, and share no query with
    /// the evaluation sets. Nothing is drawn by chance: the same sets give the same parts.
    Split(split::SplitArgs),
    /// Make prompts with their right calls from sets, xLAM's JSON and Hammer's records, some with random
    /// names, in parts. A command that was killed goes on where it was when it is given again.
    Build(build::BuildArgs),
    /// Make prompts with their right calls from tools alone, in parts. A command that was killed goes on where
    /// it was when it is given again.
    Synthesise(synthesise::SynthesiseArgs),
    /// Fail if a set shares a query with an evaluation set, and say which prompts do.
    Gate(gate::GateArgs),
    /// Sample several answers to every prompt from a policy. A command that was killed goes on where it was.
    Rollout(Box<rollout::RolloutArgs>),
    /// Label every step of sampled answers by the right calls.
    Annotate(annotate::AnnotateArgs),
    /// Count steps and trajectories of labelled prompts, right and wrong, as tables in Markdown.
    Statistics(statistics::StatisticsArgs),
    /// Keep the prompts whose best answer has the highest rewards, each with that answer, in parts.
    Filter(Box<filter::FilterArgs>),
    /// Write prompts or labelled prompts for TRL or LLaMA-Factory, one JSON object per line.
    Export(export::ExportArgs),
}

/// Runs a command.
pub(crate) async fn run(command: DatasetCommand) -> Result<Ended> {
    match command {
        DatasetCommand::Split(args) => split::run(args),
        DatasetCommand::Build(args) => build::run(&args),
        DatasetCommand::Synthesise(args) => synthesise::run(&args),
        DatasetCommand::Gate(args) => gate::run(&args),
        DatasetCommand::Rollout(args) => rollout::run(*args).await,
        DatasetCommand::Annotate(args) => annotate::run(&args),
        DatasetCommand::Statistics(args) => statistics::run(&args),
        DatasetCommand::Filter(args) => filter::run(*args).await,
        DatasetCommand::Export(args) => export::run(&args),
    }
}

/// What is asked in the public evaluation sets of a folder.
fn evaluation_queries(folder: &Path) -> Result<Queries> {
    let mut queries = Queries::default();
    for turns in toolbeam_eval::user_turns(folder)? {
        queries.add(turns.iter().map(String::as_str));
    }
    Ok(queries)
}

/// Prints what a folder of parts holds by now.
fn told(folder: &PartFolder) -> Result<Ended> {
    let manifest = folder.manifest()?;
    let Manifest { parts, contents: Contents { lines, counts, failed }, .. } = &manifest;
    for (kind, names) in counts {
        let names = names.iter().map(|(name, number)| format!("{number} {name}"));
        println!("{kind}: {}", names.collect::<Vec<_>>().join(", "));
    }
    for (id, reason) in failed {
        println!("failed: {id}: {reason}");
    }
    let digest = match parts.len() == folder.parts() {
        true => format!(", digest {}", manifest.digest()),
        false => String::new(),
    };
    println!("{} of {} parts, {lines} lines{digest}", parts.len(), folder.parts());
    Ok(Ended::Done)
}

/// A share, as in 1/4.
fn read_shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(str::to_owned)
}
