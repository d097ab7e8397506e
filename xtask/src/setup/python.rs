//! The environment `target/python`, in which the Python client is tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::home::Home;
use super::pip;
use crate::process;

/// The client, from the workspace's root.
pub(crate) const CLIENT: &str = "clients/python";

const ENVIRONMENT: &str = "target/python";

/// The interpreter of an environment that has the client, editable, and what its tests need. It is
/// made anew when the client's `pyproject.toml` has changed.
pub(crate) fn ensure() -> Result<PathBuf> {
    let root = process::workspace_root()?;
    let environment = root.join(ENVIRONMENT);
    let interpreter = environment.join("bin").join("python");
    let project = root.join(CLIENT).join("pyproject.toml");
    let wanted =
        fs::read_to_string(&project).with_context(|| format!("cannot read {}", project.display()))?;
    // Written last, so that what an interrupted set-up left does not count.
    let stamp = environment.join("stamp");
    let is_current = || interpreter.is_file() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted);
    if is_current() {
        return Ok(interpreter);
    }
    let _lock = Home::new(root.clone()).lock()?;
    if !is_current() {
        eprintln!("==> installing what the Python client is tested with into {ENVIRONMENT} (140 MB on disk)");
        install(&environment, &interpreter, &root.join(CLIENT))?;
        fs::write(&stamp, wanted)?;
    }
    Ok(interpreter)
}

fn install(environment: &Path, interpreter: &Path, client: &Path) -> Result<()> {
    let (python, _) = pip::python()?;
    let make = |more: &[&str]| {
        let mut venv = Command::new(&python);
        venv.args(["-m", "venv", "--clear"]).args(more).arg(environment);
        venv.output().is_ok_and(|output| output.status.success())
    };
    let mut pip = Command::new(interpreter);
    if !make(&[]) {
        // Debian keeps pip for new environments in a package of its own; Python's own pip will do.
        if !make(&["--without-pip"]) {
            bail!(
                "{} -m venv cannot make {}: install Python's venv",
                python.display(),
                environment.display()
            );
        }
        pip = Command::new(&python);
    }
    pip.args(["-m", "pip", "--disable-pip-version-check"]);
    if pip.get_program() == python.as_os_str() {
        pip.arg("--python").arg(interpreter);
    }
    pip.args(["install", "--quiet", "--editable"]).arg(format!("{}[test]", client.display()));
    // A user's own setting that does not go with environments.
    pip.env("PIP_USER", "0");
    if let Err(error) = process::run(&mut pip) {
        bail!("{error}: pip could not install the Python client; run this again once that is mended");
    }
    Ok(())
}
