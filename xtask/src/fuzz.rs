//! `cargo xtask fuzz`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{process, setup};

const FOLDER: &str = "integration-tests/fuzz";
const TARGET_FOLDER: &str = "target/fuzz";
/// How many targets run at a time.
const AT_A_TIME: usize = 2;
/// An input that takes longer is a finding, in seconds.
const SLOWEST_INPUT: u32 = 10;

/// Fuzz the code that reads what callers and models write, each target for a while, and count crashes.
///
/// Needs cargo-fuzz (`cargo install cargo-fuzz`) and a nightly toolchain (`rustup toolchain install
/// nightly`). What was found before is kept in target/fuzz/corpus and fuzzed further; logs and inputs
/// that crash lie beside it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each target runs, in minutes
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The targets: the files in integration-tests/fuzz/fuzz_targets. All of them by default
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// What became of a target.
struct Run {
    target: String,
    executions: Option<u64>,
    time: Duration,
    crashes: usize,
    /// Whether it ran to its end or to a crash.
    worked: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = process::workspace_root()?;
    let all = targets(&root)?;
    let wanted = if arguments.targets.is_empty() { &all } else { &arguments.targets };
    if let Some(unknown) = wanted.iter().find(|target| !all.contains(target)) {
        bail!("{unknown} is no target; use {}", all.join(", "));
    }
    ensure!(arguments.minutes > 0.0 && arguments.minutes.is_finite(), "--minutes must be above 0");
    if process::output("rustup", &["run", "nightly", "cargo", "fuzz", "--version"]).is_none() {
        bail!("cargo-fuzz or nightly is missing: cargo install cargo-fuzz; rustup toolchain install nightly");
    }
    setup::ensure()?;
    eprintln!("==> cargo fuzz build");
    process::run(&mut cargo_fuzz(&root, "build"))?;
    let seconds = (arguments.minutes * 60.0).ceil() as u64;
    let left = Mutex::new(wanted.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let worker = || -> Result<()> {
            loop {
                // Nothing panics while it holds either lock.
                let Some(target) = left.lock().unwrap().next() else { return Ok(()) };
                let run = fuzz(&root, target, seconds)?;
                done.lock().unwrap().push(run);
            }
        };
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    report(done.into_inner().unwrap())
}

/// Every target's name.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(FOLDER).join("fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.path().file_stem().map(|name| name.display().to_string())));
    let mut names: Vec<String> = names.filter_map(Result::transpose).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

fn cargo_fuzz(root: &Path, command: &str) -> Command {
    let mut cargo = Command::new("rustup");
    cargo.args(["run", "nightly", "cargo", "fuzz", command]).current_dir(root);
    cargo.args(["--fuzz-dir", FOLDER, "--target-dir", TARGET_FOLDER]);
    // They name the toolchain that built this program.
    cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
    cargo
}

fn fuzz(root: &Path, target: &str, seconds: u64) -> Result<Run> {
    let (fuzz, own) = (root.join(FOLDER), root.join(TARGET_FOLDER));
    let made = |name: &str| -> Result<PathBuf> {
        let folder = own.join(name).join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    };
    let (corpus, crashes, logs) = (made("corpus")?, made("crashes")?, made("logs")?);
    let log = logs.join("log");
    let mut command = cargo_fuzz(root, "run");
    command.arg(target).arg(corpus).args(existing(fuzz.join("seeds").join(target))).arg("--");
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={SLOWEST_INPUT}"));
    command.args(["-print_final_stats=1", "-rss_limit_mb=4096"]);
    command.arg(format!("-artifact_prefix={}/", crashes.display()));
    if let Some(dictionary) = existing(fuzz.join("dictionaries").join(target)) {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdout(file.try_clone()?).stderr(file);
    let before = count(&crashes)?;
    eprintln!("==> fuzzing {target} for {seconds} s, see {}", log.display());
    let began = Instant::now();
    let status = command.status().context("cannot run rustup")?;
    let crashed = count(&crashes)? - before;
    Ok(Run {
        target: target.to_owned(),
        executions: executions(&String::from_utf8_lossy(&fs::read(&log)?)),
        time: began.elapsed(),
        crashes: crashed,
        worked: status.success() || crashed > 0,
    })
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}

fn count(folder: &Path) -> Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

/// What libFuzzer's statistics say at its end.
fn executions(log: &str) -> Option<u64> {
    let line = log.lines().rev().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

fn report(mut runs: Vec<Run>) -> Result<()> {
    runs.sort_by(|a, b| a.target.cmp(&b.target));
    println!("{:16} {:>12} {:>8} {:>8}", "target", "executions", "minutes", "crashes");
    for run in &runs {
        let executions = run.executions.map_or("?".to_owned(), |count| count.to_string());
        let minutes = run.time.as_secs_f64() / 60.0;
        println!("{:16} {executions:>12} {minutes:>8.1} {:>8}", run.target, run.crashes);
    }
    let bad: Vec<&str> =
        runs.iter().filter(|run| run.crashes > 0 || !run.worked).map(|run| &run.target[..]).collect();
    ensure!(
        bad.is_empty(),
        "{} failed; see {TARGET_FOLDER}/logs and {TARGET_FOLDER}/crashes",
        bad.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_those_of_the_last_run() {
        let log = "stat::number_of_executed_units: 7\nDone\nstat::number_of_executed_units: 1234\nstat::x: 1";
        assert_eq!(executions(log), Some(1234));
        assert_eq!(executions("error: no such target"), None);
    }

    #[test]
    fn every_target_is_in_the_manifest_and_has_seeds() {
        let root = process::workspace_root().unwrap();
        let manifest = fs::read_to_string(root.join(FOLDER).join("Cargo.toml")).unwrap();
        for target in targets(&root).unwrap() {
            assert!(manifest.contains(&format!("fuzz_targets/{target}.rs")), "{target}");
            assert!(count(&root.join(FOLDER).join("seeds").join(&target)).unwrap() > 0, "{target}");
        }
    }
}
