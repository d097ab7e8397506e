//! Environments for the project's own Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::home::Home;
use super::pip;
use crate::process;

/// The client, from the workspace's root.
pub(crate) const CLIENT: &str = "clients/python";

/// An interpreter with packages of the workspace, editable, and what they need.
pub(crate) struct Environment {
    /// Where it lies, from the workspace's root.
    folder: &'static str,
    /// The packages: folders, from the workspace's root, with their extras.
    packages: &'static [(&'static str, &'static str)],
    /// Megabytes on disk.
    size: u32,
}

/// In which the client is tested.
pub(crate) const TESTS: Environment =
    Environment { folder: "target/python", packages: &[(CLIENT, "[test]")], size: 140 };

/// In which Toolbeam is measured beside its peers.
pub(crate) const PEERS: Environment =
    Environment { folder: "target/peers", packages: &[(CLIENT, ""), ("benches/peers", "")], size: 5000 };

impl Environment {
    /// The interpreter. The environment is made anew when a package's `pyproject.toml` has changed.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let root = process::workspace_root()?;
        let environment = root.join(self.folder);
        let interpreter = environment.join("bin").join("python");
        let wanted = self.manifests(&root)?;
        // Written last, so that what an interrupted set-up left does not count.
        let stamp = environment.join("stamp");
        let is_current =
            || interpreter.is_file() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted);
        if is_current() {
            return Ok(interpreter);
        }
        let _lock = Home::new(root.clone()).lock()?;
        if !is_current() {
            let names: Vec<&str> = self.packages.iter().map(|(package, _)| *package).collect();
            let (names, folder, size) = (names.join(" and "), self.folder, self.size);
            eprintln!("==> installing {names} into {folder} ({size} MB on disk)");
            let packages = self.packages.iter();
            let packages =
                packages.map(|(package, extras)| root.join(package).display().to_string() + extras);
            install(&environment, &interpreter, packages)?;
            fs::write(&stamp, wanted)?;
        }
        Ok(interpreter)
    }

    fn manifests(&self, root: &Path) -> Result<String> {
        let read = |(package, _): &(&str, &str)| {
            let path = root.join(package).join("pyproject.toml");
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        self.packages.iter().map(read).collect()
    }
}

/// Makes an environment and installs packages, given as paths with extras.
fn install(environment: &Path, interpreter: &Path, packages: impl Iterator<Item = String>) -> Result<()> {
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
    pip.args(["install", "--quiet"]);
    packages.for_each(|package| {
        pip.arg("--editable").arg(package);
    });
    // A user's own setting that does not go with environments.
    pip.env("PIP_USER", "0");
    if let Err(error) = process::run(&mut pip) {
        bail!("{error}: pip could not fill {}; run this again once that is mended", environment.display());
    }
    Ok(())
}
