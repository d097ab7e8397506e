//! `cargo xtask lint`.

use anyhow::Result;

use crate::{process, setup};

/// Check formatting, clippy on all targets, the documentation and the Python client's types, warnings denied.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<()> {
    process::cargo(&["fmt", "--all", "--check"])?;
    setup::ensure()?;
    process::python(&setup::python::TESTS.ensure()?, &["-m", "mypy"], setup::python::CLIENT)?;
    process::cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])?;
    let mut doc = process::cargo_command(&["doc", "--workspace", "--no-deps"])?;
    process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}
