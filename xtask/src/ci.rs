//! `cargo xtask ci`.

use anyhow::Result;

use crate::{lint, test};

/// Run what a change must pass: `test`, then `lint`.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    #[command(flatten)]
    test: test::Arguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    test::run(&arguments.test)?;
    lint::run(&lint::Arguments {})
}
