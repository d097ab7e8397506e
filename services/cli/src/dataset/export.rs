//! `toolbeam dataset export`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use toolbeam_dataset::{ExportFormat, ExportKind, export};

use crate::exit::Ended;

/// Arguments of `toolbeam dataset export`.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// Whose shape.
    #[arg(long, value_enum)]
    format: Format,
    /// What is to be trained.
    #[arg(long, value_enum)]
    kind: Kind,
    /// A folder of prompts or of labelled prompts that a dataset command made.
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Shapes by name.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// TRL: messages for SFTTrainer, prompt, completions and labels for PRMTrainer.
    Trl,
    /// LLaMA-Factory: sharegpt.
    LlamaFactory,
}

/// Trainings by name.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A policy: prompts with their right answers.
    Sft,
    /// A process reward model: answers with a label per step.
    Prm,
}

/// Writes the file.
pub(crate) fn run(args: &ExportArgs) -> Result<Ended> {
    let format = match args.format {
        Format::Trl => ExportFormat::Trl,
        Format::LlamaFactory => ExportFormat::LlamaFactory,
    };
    let kind = match args.kind {
        Kind::Sft => ExportKind::Sft,
        Kind::Prm => ExportKind::Prm,
    };
    let lines = export(&args.set, format, kind, &args.out)?;
    println!("{lines} lines in {}", args.out.display());
    Ok(Ended::Done)
}
