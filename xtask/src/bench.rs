//! `cargo xtask bench`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{process, setup};

/// Measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Peers(Peers),
}

/// Toolbeam beside the same search on transformers, with the same weights, prompts and threads: seconds
/// per search and per token, in turn. See benches/peers/README.md
#[derive(clap::Args)]
struct Peers {
    /// A folder with BFCL's data, of which BFCL_v4_simple_python.json is read
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What goes on to the program; `-- --help` lists it
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let What::Peers(peers) = &arguments.what;
    setup::ensure()?;
    let interpreter = setup::python::PEERS.ensure()?;
    process::cargo(&["build", "--release", "--bin", "toolbeam"])?;
    let root = process::workspace_root()?;
    let models = root.join("models/reference");
    let mut python = Command::new(interpreter);
    python.args(["-m", "peers", "--data"]).arg(&peers.data);
    python.arg("--toolbeam").arg(root.join("target/release/toolbeam"));
    python.arg("--policy").arg(models.join("policy")).arg("--toolprm").arg(models.join("toolprm"));
    process::run(python.args(&peers.more))
}
