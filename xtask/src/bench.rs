//! `cargo xtask bench`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{process, setup};

/// Measure; the criterion benches unless something else is named.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// The criterion benches: the answer grammar's and the strategies' own speed, what an evaluation adds to a
    /// search, and what the engine costs: processor time, memory, latency
    Micro(More),
    /// Toolbeam beside the same search on transformers, with the same weights, prompts and threads: seconds
    /// per search and per token, in turn. See benches/peers/README.md
    Peers(Bfcl),
    /// The runtime beside transformers, with the same models and threads: tokens per second of decoding and
    /// reading, in turn. See benches/peers/README.md
    Tokens(More),
    /// Training beside PyTorch, with the same model, rows and threads: tokens per second, in turn. See
    /// benches/peers/README.md
    Train(More),
    /// Searches per second, latency and memory of `toolbeam serve` at 1 to 256 searches at once. See
    /// benches/load/README.md
    Load(Bfcl),
    /// How often a search under load answers as deterministic mode does alone, and what that mode costs. See
    /// benches/load/README.md
    Agreement(Bfcl),
    /// Who has an answer before the client's deadline, by strategy, with 16 searches at once. See
    /// benches/load/README.md
    Deadlines(Bfcl),
}

/// A measurement with prompts of BFCL.
#[derive(clap::Args)]
struct Bfcl {
    /// A folder with BFCL's data, of which simple_python is read
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    more: More,
}

#[derive(clap::Args, Default)]
struct More {
    /// What goes on to the program; `-- --help` lists it
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        None => micro(&More::default()),
        Some(What::Micro(more)) => micro(more),
        Some(What::Peers(bfcl)) => peers(bfcl),
        Some(What::Tokens(more)) => tokens(more),
        Some(What::Train(more)) => train(more),
        Some(What::Load(bfcl)) => load("levels", bfcl),
        Some(What::Agreement(bfcl)) => load("agreement", bfcl),
        Some(What::Deadlines(bfcl)) => load("deadlines", bfcl),
    }
}

fn micro(more: &More) -> Result<()> {
    // Benches are named because a library's own bench harness takes none of criterion's flags.
    let packages =
        ["-p", "toolbeam-grammar", "-p", "toolbeam-search", "-p", "toolbeam-eval", "-p", "toolbeam-actors"];
    let benches = ["--bench", "parsing", "--bench", "rounds", "--bench", "harness", "--bench", "overhead"];
    let more = more.more.iter().map(String::as_str);
    let arguments: Vec<&str> =
        ["bench"].into_iter().chain(packages).chain(benches).chain(["--"]).chain(more).collect();
    process::cargo(&arguments)
}

fn peers(bfcl: &Bfcl) -> Result<()> {
    let models = process::workspace_root()?.join("models/reference");
    let mut python = python("peers")?;
    python.arg("--data").arg(&bfcl.data);
    python.arg("--policy").arg(models.join("policy")).arg("--toolprm").arg(models.join("toolprm"));
    process::run(python.args(&bfcl.more.more))
}

fn tokens(more: &More) -> Result<()> {
    let root = process::workspace_root()?;
    let mut python = python("peers.tokens")?;
    python.arg("--policy").arg(root.join("models/reference/policy"));
    python.arg("--cache").arg(root.join("target/bench-models"));
    process::run(python.args(&more.more))
}

fn train(more: &More) -> Result<()> {
    let mut python = python("peers.train")?;
    python.arg("--policy").arg(process::workspace_root()?.join("models/reference/policy"));
    process::run(python.args(&more.more))
}

/// A Python program of benches/peers, with a binary that is up to date.
fn python(module: &str) -> Result<Command> {
    setup::ensure()?;
    let interpreter = setup::python::PEERS.ensure()?;
    process::cargo(&["build", "--release", "--bin", "toolbeam"])?;
    let mut python = Command::new(interpreter);
    python.args(["-m", module, "--toolbeam"]).arg(process::workspace_root()?.join("target/release/toolbeam"));
    Ok(python)
}

fn load(mode: &str, bfcl: &Bfcl) -> Result<()> {
    setup::ensure()?;
    process::cargo(&["build", "--release", "--bin", "toolbeam", "--bin", "toolbeam-load"])?;
    let built = process::workspace_root()?.join("target/release");
    let mut program = Command::new(built.join("toolbeam-load"));
    program.arg(mode).arg("--data").arg(&bfcl.data);
    if !bfcl.more.more.iter().any(|flag| flag == "--address" || flag.starts_with("--address=")) {
        program.arg("--toolbeam").arg(built.join("toolbeam"));
    }
    process::run(program.args(&bfcl.more.more))
}
