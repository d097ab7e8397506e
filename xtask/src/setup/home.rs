//! The folder `.libtorch`, where the build finds libtorch.
//!
//! It appears complete or not at all: what is being made lies in `.libtorch-partial-*` until one
//! rename puts it in place, so an interrupted download is never taken for a libtorch. Its file
//! `stamp` says what it is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Wanted;
use super::libtorch::{Source, TORCH_VERSION, verify};
use super::pip::Pip;
use crate::process;

const PARTIAL: &str = ".libtorch-partial-";

/// The places of a workspace that belong to libtorch.
pub(super) struct Home {
    root: PathBuf,
}

impl Home {
    pub(super) fn new(root: PathBuf) -> Home {
        Home { root }
    }

    /// Whether what is set up is what is wanted. Fails if the user has to decide.
    pub(super) fn has(&self, wanted: &Wanted) -> Result<bool> {
        let torch = self.torch();
        let source = self.stamped();
        Ok(match (wanted, source) {
            (_, None) => false,
            (Wanted::Any, Some(Source::Named)) => {
                verify(&torch).context("the libtorch that was named in an earlier set-up has changed")?;
                true
            }
            (Wanted::Any, Some(_)) => verify(&torch).is_ok(),
            (Wanted::Installed(source), Some(found)) => *source == found && verify(&torch).is_ok(),
            (Wanted::Named(folder), Some(_)) => {
                process::same_folder(folder, &torch) && verify(&torch).is_ok()
            }
        })
    }

    /// Waits until no other set-up is at work. The lock ends with the process that holds it.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.root.join(".libtorch-lock");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("==> waiting for another set-up of this workspace");
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(file)
    }

    /// Downloads libtorch and puts it in place.
    pub(super) fn install(&self, source: Source) -> Result<()> {
        eprintln!("==> installing libtorch {TORCH_VERSION} into .libtorch ({})", source.size());
        let partial = self.fresh_partial()?;
        let complete = partial.complete();
        Pip::find(&partial.0)?.install(source, &complete, &partial.0)?;
        verify(&complete.join("torch"))?;
        self.put_in_place(&partial, source)?;
        eprintln!("==> libtorch {TORCH_VERSION} is in .libtorch");
        Ok(())
    }

    /// Makes a libtorch that is on this machine the one to build with.
    pub(super) fn record(&self, folder: &Path) -> Result<()> {
        verify(folder)?;
        if process::same_folder(folder, &self.torch()) {
            fs::write(self.stamp(), Source::Named.stamp())?;
        } else {
            let partial = self.fresh_partial()?;
            let complete = partial.complete();
            fs::create_dir(&complete)?;
            link(&folder.canonicalize()?, &complete.join("torch"))?;
            self.put_in_place(&partial, Source::Named)?;
        }
        eprintln!("==> building with libtorch {TORCH_VERSION} in {}", folder.display());
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    fn torch(&self) -> PathBuf {
        self.folder().join("torch")
    }

    fn stamp(&self) -> PathBuf {
        self.folder().join("stamp")
    }

    /// What the stamp says, if there is one and it is of these versions.
    fn stamped(&self) -> Option<Source> {
        let text = fs::read_to_string(self.stamp()).ok()?;
        Source::ALL.into_iter().find(|source| source.stamp() == text)
    }

    /// An empty folder to work in; removes what interrupted set-ups left.
    fn fresh_partial(&self) -> Result<Partial> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                // If a pip that outlived its parent still writes there, the next set-up succeeds.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        // The name is this process's own: nobody else writes there.
        let partial = self.root.join(format!("{PARTIAL}{}", std::process::id()));
        fs::create_dir(&partial).with_context(|| format!("cannot make the folder {}", partial.display()))?;
        Ok(Partial(partial))
    }

    /// Stamps the complete folder and renames it to `.libtorch`.
    fn put_in_place(&self, partial: &Partial, source: Source) -> Result<()> {
        let complete = partial.complete();
        fs::write(complete.join("stamp"), source.stamp())?;
        let replaces = self.folder().symlink_metadata().is_ok();
        if replaces {
            fs::rename(self.folder(), partial.0.join("old")).context("cannot move the old .libtorch away")?;
        }
        fs::rename(complete, self.folder()).context("cannot rename the new libtorch to .libtorch")?;
        // torch-sys does not notice that another libtorch lies at the same path.
        if replaces { forget_builds() } else { Ok(()) }
    }
}

/// A folder to work in, which goes when it is dropped.
struct Partial(PathBuf);

impl Partial {
    /// What will be `.libtorch`.
    fn complete(&self) -> PathBuf {
        self.0.join("complete")
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next set-up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes cargo build torch-sys anew, in the profiles that are used here.
fn forget_builds() -> Result<()> {
    process::cargo(&["clean", "--quiet", "--package", "torch-sys"])?;
    process::cargo(&["clean", "--quiet", "--package", "torch-sys", "--release"])
}

#[cfg(unix)]
fn link(folder: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(folder, at)
}

#[cfg(windows)]
fn link(folder: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(folder, at)
}

#[cfg(test)]
mod tests {
    use super::super::libtorch::imitate;
    use super::*;

    /// A workspace without libtorch, and a folder beside it that looks like one.
    fn workspace() -> (tempfile::TempDir, Home, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (root, torch) = (folder.path().join("workspace"), folder.path().join("torch"));
        fs::create_dir(&root).unwrap();
        imitate(&torch, TORCH_VERSION);
        (folder, Home::new(root), torch)
    }

    #[test]
    fn only_what_a_set_up_completed_counts() {
        let (_folder, home, torch) = workspace();
        assert!(!home.has(&Wanted::Any).unwrap());
        // As a download that was interrupted, or made by hand, would leave it.
        imitate(&home.torch(), TORCH_VERSION);
        assert!(!home.has(&Wanted::Any).unwrap());
        fs::write(home.stamp(), Source::Cpu.stamp()).unwrap();
        assert!(home.has(&Wanted::Any).unwrap());
        assert!(home.has(&Wanted::Installed(Source::Cpu)).unwrap());
        assert!(!home.has(&Wanted::Installed(Source::Cuda)).unwrap());
        assert!(!home.has(&Wanted::Named(torch)).unwrap());
        fs::write(home.stamp(), Source::Cpu.stamp().replace(TORCH_VERSION, "2.10.0")).unwrap();
        assert!(!home.has(&Wanted::Any).unwrap());
    }

    #[test]
    fn a_named_libtorch_is_linked_and_kept_until_it_changes() {
        let (_folder, home, torch) = workspace();
        fs::create_dir(home.root.join(format!("{PARTIAL}1"))).unwrap();
        home.record(&torch).unwrap();
        assert!(process::same_folder(&torch, &home.torch()));
        let names: Vec<_> =
            fs::read_dir(&home.root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [".libtorch"], "what an interrupted set-up left is still there");
        assert!(home.has(&Wanted::Any).unwrap());
        assert!(home.has(&Wanted::Named(torch.clone())).unwrap());
        assert!(!home.has(&Wanted::Installed(Source::Cpu)).unwrap());
        imitate(&torch, "2.9.0");
        let error = home.has(&Wanted::Any).unwrap_err();
        assert!(format!("{error:#}").contains("is torch 2.9.0"), "{error:#}");
    }

    #[test]
    fn a_libtorch_of_another_version_is_not_recorded() {
        let (_folder, home, torch) = workspace();
        imitate(&torch, "2.9.0");
        assert!(home.record(&torch).is_err());
        assert!(!home.folder().exists());
    }

    #[test]
    fn two_set_ups_wait_for_each_other() {
        let (_folder, home, _) = workspace();
        let lock = home.lock().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| home.lock().map(|_| ()).unwrap());
            std::thread::sleep(std::time::Duration::from_millis(100));
            assert!(!second.is_finished());
            drop(lock);
        });
    }
}
