//! Which libtorch Toolbeam needs, and whether a folder is one.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::process;

/// The torch that tch 0.24 is written for. Change both together.
pub(super) const TORCH_VERSION: &str = "2.11.0";

/// PyPI's torch for the CPU, with the two libraries that it names although it needs no GPU.
const CPU_PACKAGES: &[&str] =
    &["torch==2.11.0", "nvidia-cuda-runtime==13.0.96", "nvidia-cuda-cupti==13.0.85"];

/// PyPI's torch, whose dependencies are CUDA's libraries.
const CUDA_PACKAGES: &[&str] = &["torch==2.11.0"];

/// Where a libtorch comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Downloaded, for the CPU only.
    Cpu,
    /// Downloaded, with CUDA's libraries.
    Cuda,
    /// A folder that the user named.
    Named,
}

impl Source {
    pub(super) const ALL: [Source; 3] = [Source::Cpu, Source::Cuda, Source::Named];

    /// What suits this machine.
    pub(super) fn detect() -> Source {
        match process::output("nvidia-smi", &["--list-gpus"]) {
            Some(list) if list.contains("GPU") => Source::Cuda,
            _ => Source::Cpu,
        }
    }

    /// The packages to install, by pip's names.
    pub(super) fn packages(self) -> &'static [&'static str] {
        match self {
            Source::Cpu if cfg!(target_os = "linux") => CPU_PACKAGES,
            Source::Cpu => &CPU_PACKAGES[..1],
            Source::Cuda => CUDA_PACKAGES,
            Source::Named => &[],
        }
    }

    /// Whether the packages' dependencies are wanted too.
    pub(super) fn with_dependencies(self) -> bool {
        self == Source::Cuda
    }

    /// How much there is to download, in words.
    pub(super) fn size(self) -> &'static str {
        match self {
            Source::Cpu => "530 MB to download, 1.2 GB on disk",
            Source::Cuda => "about 3 GB to download, 6 GB on disk",
            Source::Named => "nothing to download",
        }
    }

    /// What the stamp of a complete set-up says. It changes with every version above, so that a
    /// set-up made for other versions is not taken for a current one.
    pub(super) fn stamp(self) -> String {
        let packages = self.packages().join(" ");
        format!("torch {TORCH_VERSION}\nsource {self:?}\npackages {packages}\n")
    }
}

/// Fails, with the remedy, unless a folder holds libtorch of the version needed.
pub(super) fn verify(folder: &Path) -> Result<()> {
    let library = Path::new("lib").join(format!("libtorch_cpu{}", std::env::consts::DLL_SUFFIX));
    let header = Path::new("include/torch/csrc/api/include/torch/torch.h");
    for needed in [library.as_path(), header] {
        if !folder.join(needed).is_file() {
            bail!(
                "{} has no {}: name the folder of a libtorch, or the folder `torch` of a PyTorch \
                 installed by pip",
                folder.display(),
                needed.display()
            );
        }
    }
    match version(folder) {
        Some(version) if version == TORCH_VERSION => Ok(()),
        found => bail!(
            "{} is torch {}, and {TORCH_VERSION} is needed: name another folder, or run `cargo \
             xtask setup --cpu` to download it",
            folder.display(),
            found.as_deref().unwrap_or("of an unknown version")
        ),
    }
}

/// The version of a libtorch (`build-version`) or a PyTorch (`version.py`), without `+cpu` and the
/// like.
fn version(folder: &Path) -> Option<String> {
    let full = match fs::read_to_string(folder.join("build-version")) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => {
            let text = fs::read_to_string(folder.join("version.py")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
            line.trim().trim_matches(['\'', '"']).to_owned()
        }
    };
    full.split('+').next().map(str::to_owned)
}

/// Makes a folder that [`verify`] takes for a libtorch of some version.
#[cfg(test)]
pub(super) fn imitate(folder: &Path, version: &str) {
    let library = format!("lib/libtorch_cpu{}", std::env::consts::DLL_SUFFIX);
    let header = "include/torch/csrc/api/include/torch/torch.h";
    for (name, text) in [(library.as_str(), ""), (header, ""), ("build-version", version)] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges an imitated libtorch after a change to it.
    #[track_caller]
    fn check(change: impl Fn(&Path) -> std::io::Result<()>, expected: Result<(), &str>) {
        let folder = tempfile::tempdir().unwrap();
        imitate(folder.path(), TORCH_VERSION);
        change(folder.path()).unwrap();
        match (verify(folder.path()), expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(words)) => {
                let message = error.to_string();
                assert!(message.contains(words), "{message:?} does not say {words:?}");
            }
            (found, _) => panic!("{found:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn only_a_complete_folder_of_the_right_version_is_libtorch() {
        let libtorch = |version| move |folder: &Path| fs::write(folder.join("build-version"), version);
        check(libtorch("2.11.0"), Ok(()));
        check(libtorch("2.11.0+cpu\n"), Ok(()));
        check(libtorch("2.11.01"), Err("is torch 2.11.01, and 2.11.0 is needed"));

        let pytorch = |text| {
            move |folder: &Path| {
                fs::remove_file(folder.join("build-version"))?;
                fs::write(folder.join("version.py"), text)
            }
        };
        check(pytorch("from typing import X\n__version__ = '2.11.0+cu130'\ndebug = False\n"), Ok(()));
        check(pytorch("__version__ = '2.9.1'\n"), Err("cargo xtask setup --cpu"));
        check(pytorch("debug = False\n"), Err("of an unknown version"));

        check(|folder| fs::remove_file(folder.join("build-version")), Err("of an unknown version"));
        check(|folder| fs::remove_dir_all(folder.join("include")), Err("has no include"));
        check(|folder| fs::remove_dir_all(folder.join("lib")), Err("has no lib"));
    }

    #[test]
    fn every_source_has_a_stamp_of_its_own_with_the_version() {
        let stamps = Source::ALL.map(Source::stamp);
        for (index, stamp) in stamps.iter().enumerate() {
            assert!(stamp.contains(TORCH_VERSION));
            assert!(!stamps[..index].contains(stamp));
        }
        for package in [CPU_PACKAGES[0], CUDA_PACKAGES[0]] {
            assert_eq!(package, format!("torch=={TORCH_VERSION}"));
        }
    }
}
