//! `cargo xtask test`.

use anyhow::Result;

use crate::{process, setup};

/// Set up and run the workspace's tests.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also run the tests that take long (those marked `#[ignore]`)
    #[arg(long)]
    slow: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure()?;
    let python = setup::python::TESTS.ensure()?;
    process::cargo(&["test", "--workspace", "--no-fail-fast"])?;
    process::python(&python, &["-m", "pytest", "--quiet"], setup::python::CLIENT)?;
    if arguments.slow {
        // `--tests` leaves the documentation's examples out: an ignored example is no slow test.
        process::cargo(&["test", "--workspace", "--no-fail-fast", "--tests", "--", "--ignored"])?;
    }
    Ok(())
}
