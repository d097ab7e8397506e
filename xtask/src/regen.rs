//! `cargo xtask regen`.

use anyhow::Result;

use crate::{process, setup};

/// Generate the committed Rust and Python of the protobuf contract anew, after a change to a .proto file.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<()> {
    // The test that proves the generated code current writes it when it is asked to.
    let mut test = process::cargo_command(&["test", "--quiet", "--package", "toolbeam-proto"])?;
    process::run(test.env("TOOLBEAM_REGENERATE", "1"))?;
    process::python(&setup::python::TESTS.ensure()?, &["generate.py"], setup::python::CLIENT)
}
