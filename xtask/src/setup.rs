//! `cargo xtask setup`: from a machine with cargo, a C++ compiler and Python to one that builds.

mod compiler;
mod home;
mod libtorch;
mod pip;
pub(crate) mod python;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;
use home::Home;
use libtorch::{Source, TORCH_VERSION};

/// Install libtorch into .libtorch, or record the one that you have; prepare the Python client's tests.
///
/// Without options an earlier set-up is kept; on a fresh machine libtorch is downloaded, with CUDA's
/// libraries if nvidia-smi finds a GPU. Every other command does this first.
#[derive(clap::Args, Default)]
#[group(multiple = false)]
pub(crate) struct Arguments {
    /// Use this libtorch or PyTorch: the folder that holds lib/ and include/
    #[arg(long, value_name = "PATH")]
    libtorch: Option<PathBuf>,
    /// Use the PyTorch that python3 finds
    #[arg(long)]
    pytorch: bool,
    /// Download libtorch for the CPU (530 MB)
    #[arg(long)]
    cpu: bool,
    /// Download libtorch with all of CUDA's libraries (about 3 GB)
    #[arg(long)]
    cuda: bool,
}

/// Which libtorch is asked for.
enum Wanted {
    /// Whatever is set up; on a fresh machine, what suits it.
    Any,
    Named(PathBuf),
    Installed(Source),
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !set_up(arguments)? {
        eprintln!("==> libtorch {TORCH_VERSION} was set up already");
    }
    // Not part of `ensure`: only tests and checks need it.
    python::TESTS.ensure().map(|_| ())
}

/// What every other command does first.
pub(crate) fn ensure() -> Result<()> {
    set_up(&Arguments::default()).map(|_| ())
}

/// Sets up; false if there was nothing to do.
fn set_up(arguments: &Arguments) -> Result<bool> {
    let root = process::workspace_root()?;
    let wanted = wanted(arguments, process::foreign_libtorch(&root))?;
    let home = Home::new(root);
    if home.has(&wanted)? {
        return Ok(false);
    }
    let _lock = home.lock()?;
    if home.has(&wanted)? {
        return Ok(false);
    }
    check_machine(&wanted)?;
    match wanted {
        Wanted::Named(folder) => home.record(&folder)?,
        Wanted::Installed(source) => home.install(source)?,
        Wanted::Any => home.install(Source::detect())?,
    }
    Ok(true)
}

/// Fails if something is missing that set-up or the build will need, and names all of it.
fn check_machine(wanted: &Wanted) -> Result<()> {
    let python = match wanted {
        Wanted::Named(_) => Ok(()),
        Wanted::Any | Wanted::Installed(_) => pip::check(),
    };
    let missing: Vec<String> = [compiler::check(), python]
        .into_iter()
        .filter_map(|result| result.err().map(|error| error.to_string()))
        .collect();
    if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("\n\n")) }
}

fn wanted(arguments: &Arguments, environment: Option<PathBuf>) -> Result<Wanted> {
    let named = match &arguments.libtorch {
        Some(folder) => Some(folder.clone()),
        None if arguments.pytorch => Some(pip::pytorch()?),
        None => None,
    };
    let wanted = match (named, &environment) {
        (Some(folder), _) => Wanted::Named(folder),
        (None, _) if arguments.cpu => Wanted::Installed(Source::Cpu),
        (None, _) if arguments.cuda => Wanted::Installed(Source::Cuda),
        (None, Some(folder)) => Wanted::Named(folder.clone()),
        (None, None) => Wanted::Any,
    };
    match environment {
        Some(folder) if !is_named(&wanted, &folder) => bail!(
            "LIBTORCH is set to {} in the environment, and cargo would prefer that: unset it",
            folder.display()
        ),
        _ => Ok(wanted),
    }
}

fn is_named(wanted: &Wanted, folder: &Path) -> bool {
    matches!(wanted, Wanted::Named(named) if process::same_folder(named, folder) || named == folder)
}
