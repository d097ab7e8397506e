//! `cargo xtask demo`.

use anyhow::Result;

use crate::{process, setup};

/// How much of the ranking is the policy's own opinion.
const WEIGHT: &str = "--log-probability-weight";

/// Set up, build `toolbeam` and search real queries with the reference weights.
///
/// Exits with the exit code of `toolbeam demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to `toolbeam demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure()?;
    // The dev profile, which the tests use too: an optimised build takes about twice the time, and the
    // demo's work is done inside libtorch either way.
    // Without `--package`, so that features are those of the whole workspace and the build is the tests' own.
    let mut cargo = vec!["run", "--bin", "toolbeam", "--", "demo"];
    // The reference ToolPRM ranks best with the policy's own opinion beside it
    // (docs/evaluation/strategies.md).
    if !arguments.arguments.iter().any(|argument| argument.starts_with(WEIGHT)) {
        cargo.extend([WEIGHT, "0.5"]);
    }
    cargo.extend(arguments.arguments.iter().map(String::as_str));
    process::cargo(&cargo)
}
