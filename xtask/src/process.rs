//! Child processes, and where the workspace is.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// A child that ran and did not succeed.
#[derive(Debug)]
pub(crate) struct ChildFailed {
    command: String,
    code: Option<i32>,
}

impl ChildFailed {
    /// The child's exit code, or failure if a signal ended it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code = self.code.and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for ChildFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} failed with exit code {code}", self.command),
            None => write!(f, "{} was ended by a signal", self.command),
        }
    }
}

impl std::error::Error for ChildFailed {}

/// Runs a command with this process's terminal. Fails with [`ChildFailed`] unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    if status.success() {
        return Ok(());
    }
    Err(ChildFailed { command: name, code: status.code() }.into())
}

/// What a command prints to standard output, or nothing if it cannot be run or fails.
pub(crate) fn output<S: AsRef<OsStr>>(program: S, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Runs cargo in the workspace, as if it were typed there.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    run(&mut cargo_command(arguments)?)
}

/// The command that [`cargo`] runs, for callers that add to its environment.
pub(crate) fn cargo_command(arguments: &[&str]) -> Result<Command> {
    eprintln!("==> cargo {}", arguments.join(" "));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace_root()?);
    Ok(command)
}

/// Runs a Python in a folder of the workspace.
pub(crate) fn python(interpreter: &Path, arguments: &[&str], folder: &str) -> Result<()> {
    eprintln!("==> python {} (in {folder})", arguments.join(" "));
    run(Command::new(interpreter).args(arguments).current_dir(workspace_root()?.join(folder)))
}

/// The workspace's root folder.
pub(crate) fn workspace_root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set: start this program as `cargo xtask`")?;
    let root = Path::new(&manifest).parent().context("CARGO_MANIFEST_DIR has no parent folder")?;
    Ok(root.to_owned())
}

/// The value of LIBTORCH, if the user and not .cargo/config.toml set it.
pub(crate) fn foreign_libtorch(root: &Path) -> Option<PathBuf> {
    let value = PathBuf::from(std::env::var_os("LIBTORCH")?);
    let ours = value.ends_with(".libtorch/torch")
        && value.ancestors().nth(2).is_some_and(|folder| same_folder(folder, root));
    (!ours).then_some(value)
}

/// Whether two paths lead to one existing folder.
pub(crate) fn same_folder(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
