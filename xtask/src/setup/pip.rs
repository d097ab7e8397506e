//! Installing libtorch with pip.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::libtorch::{Source, TORCH_VERSION};
use crate::process;

/// The minor versions of Python 3 for which torch is published.
const TORCH_PYTHONS: std::ops::RangeInclusive<u32> = 10..=14;

/// How often a download tells its progress where there is no terminal for pip's own bar.
const PROGRESS: Duration = Duration::from_secs(10);

const NO_PYTHON: &str = "\
Python 3 is missing (it is needed once, to download libtorch): install it with pip
  Debian, Ubuntu:  sudo apt install python3-pip
  Fedora:          sudo dnf install python3-pip
  macOS:           xcode-select --install
or name a libtorch or PyTorch that you have: cargo xtask setup --libtorch PATH";

const NO_PIP: &str = "\
python3 has no pip, and `python3 -m venv` makes none (it is needed once, to download libtorch)
  Debian, Ubuntu:  sudo apt install python3-pip
  Fedora:          sudo dnf install python3-pip
  elsewhere:       python3 -m ensurepip --user
or name a libtorch or PyTorch that you have: cargo xtask setup --libtorch PATH";

/// A pip that works.
pub(super) struct Pip {
    python: PathBuf,
    /// Of Python 3.
    minor_version: u32,
}

impl Pip {
    /// Python's own pip, or that of a virtual environment made in `scratch`.
    pub(super) fn find(scratch: &Path) -> Result<Pip> {
        let (mut python, minor_version) = python()?;
        if !has_pip(&python) {
            eprintln!("==> python3 has no pip, making a virtual environment that has");
            let environment = scratch.join("venv");
            let made = Command::new(&python).args(["-m", "venv"]).arg(&environment).output();
            python = environment.join("bin").join("python");
            if !made.is_ok_and(|output| output.status.success()) || !has_pip(&python) {
                bail!(NO_PIP);
            }
        }
        Ok(Pip { python, minor_version })
    }

    /// Installs the packages of `source` into the folder `target`. Downloads lie in `scratch`
    /// meanwhile, which is on the same disk.
    pub(super) fn install(&self, source: Source, target: &Path, scratch: &Path) -> Result<()> {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pip", "install", "--no-compile", "--target"]).arg(target);
        if !source.with_dependencies() {
            command.arg("--no-deps");
        }
        if !TORCH_PYTHONS.contains(&self.minor_version) {
            // Only the libraries are used, and they are the same for every Python.
            command.args(["--python-version", "3.12", "--only-binary", ":all:"]);
        }
        command.args(source.packages());
        // A user's own settings that do not go with --target. With it, pip allows installing
        // beside a Python that is managed by the system.
        command.envs([("PIP_USER", "0"), ("PIP_REQUIRE_VIRTUALENV", "0")]);
        command.envs([("PIP_DISABLE_PIP_VERSION_CHECK", "1"), ("PIP_ROOT_USER_ACTION", "ignore")]);
        let temporary = scratch.join("downloads");
        fs::create_dir(&temporary)?;
        command.env("TMPDIR", temporary);
        let status = run_with_progress(&mut command, scratch)?;
        if !status.success() {
            bail!(
                "pip could not install torch {TORCH_VERSION} ({status}; its message is above): run \
                 this again once that is mended, or name a libtorch or PyTorch that you have: cargo \
                 xtask setup --libtorch PATH"
            );
        }
        Ok(())
    }
}

/// Fails, with the remedy, if there is no Python.
pub(super) fn check() -> Result<()> {
    python().map(|_| ())
}

/// The folder of the PyTorch that Python finds. It is not imported: without its CUDA libraries that
/// fails, and they are not needed.
pub(super) fn pytorch() -> Result<PathBuf> {
    let find =
        "from importlib.util import find_spec; print(find_spec('torch').submodule_search_locations[0])";
    let (python, _) = python()?;
    let folder = process::output(&python, &["-c", find]);
    folder.map(PathBuf::from).with_context(|| {
        format!(
            "{} finds no PyTorch: activate the environment that has it, or name its folder: cargo \
             xtask setup --libtorch PATH",
            python.display()
        )
    })
}

/// A Python 3, and its minor version.
pub(super) fn python() -> Result<(PathBuf, u32)> {
    let version = "import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else '')";
    let found = ["python3", "python"].into_iter().find_map(|name| {
        let minor = process::output(name, &["-c", version])?.parse().ok()?;
        Some((PathBuf::from(name), minor))
    });
    found.context(NO_PYTHON)
}

fn has_pip(python: &Path) -> bool {
    process::output(python, &["-m", "pip", "--version"]).is_some()
}

/// Runs a command that fills a folder; says how full it is where the command itself would be silent.
fn run_with_progress(command: &mut Command, folder: &Path) -> Result<ExitStatus> {
    let silent = !io::stdout().is_terminal();
    let mut child = command.spawn().context("cannot run Python")?;
    let mut told = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if silent && told.elapsed() >= PROGRESS {
            told = Instant::now();
            eprintln!("    {} MB on disk so far", size(folder) / 1_000_000);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The bytes in a folder; what vanishes meanwhile counts as nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
