//! `toolbeam eval run` and `toolbeam eval export`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use toolbeam_eval::{
    Category, NoiseSettings, Outcome, Record, RunFolder, RunSettings, Shard, Suite, Tally, export_bfcl,
    export_predictions, go_on, load, read_run,
};

use super::noise::NoiseArgs;
use crate::call::SearchArgs;
use crate::connection::ConnectionArgs;
use crate::exit::{Ended, WrongFile};

/// Arguments of `toolbeam eval run`.
#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// The evaluation set.
    #[arg(long, value_enum)]
    suite: RunSuite,
    /// The folder that holds it, such as a copy of the public sets; of jsonl a file, or a folder of files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The run's folder. One that was begun goes on where it was.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Only a part of the records, such as 1/4; parts may run at the same time, into the same folder.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = read_shard)]
    shard: Shard,
    /// How many searches run at a time.
    #[arg(long, default_value = "8")]
    concurrency: NonZeroUsize,
    /// Only the first records.
    #[arg(long)]
    limit: Option<usize>,
    /// Search records again whose search failed.
    #[arg(long)]
    retry_failed: bool,
    #[command(flatten)]
    noise: NoiseArgs,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Arguments of `toolbeam eval export`.
#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// The run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The folder with the set's data, for sets with named calls (all but bfcl).
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Evaluation sets by name.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RunSuite {
    /// BFCL's single-turn Python categories, by its AST checker.
    Bfcl,
    /// ToolAlpaca in Hammer's form.
    Toolalpaca,
    /// API-Bank, levels 1 and 2, in Hammer's form.
    Apibank,
    /// Seal-Tools in Hammer's form.
    SealTools,
    /// Files in the project's own shape, such as those of `dataset split`.
    Jsonl,
}

impl RunSuite {
    fn suite(self) -> Suite {
        match self {
            RunSuite::Bfcl => Suite::Bfcl,
            RunSuite::Toolalpaca => Suite::ToolAlpaca,
            RunSuite::Apibank => Suite::ApiBank,
            RunSuite::SealTools => Suite::SealTools,
            RunSuite::Jsonl => Suite::Jsonl,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// All records of a run's set, with the run's noise.
pub(super) fn records_of(settings: &RunSettings, data: &Path) -> Result<Vec<Record>> {
    let records = load(suite_of(&settings.suite)?, data)?;
    Ok(match &settings.noise {
        Some(noise) => noise.apply(&records),
        None => records,
    })
}

/// The set of a run.
fn suite_of(name: &str) -> Result<Suite> {
    let suite = RunSuite::value_variants().iter().find(|suite| suite.name() == name);
    suite
        .map(|suite| suite.suite())
        .with_context(|| WrongFile(format!("the run is of {name}, which is not known here")))
}

/// A part, as in 1/4.
fn read_shard(text: &str) -> Result<Shard, String> {
    let part =
        text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match part {
        Some((index, count)) if 1 <= index && index <= count => Ok(Shard { index, count }),
        _ => Err("write a part and how many there are, such as 1/4".to_owned()),
    }
}

/// Runs an evaluation, or goes on with it. Fails if a search failed.
pub(crate) async fn run(args: RunArgs) -> Result<Ended> {
    let mut published = load(args.suite.suite(), &args.data)?;
    let noise = args.noise.settings();
    // Of the whole set, so that a limit changes no record.
    let mut records = noise.as_ref().map_or_else(|| published.clone(), |noise| noise.apply(&published));
    let limit = args.limit.unwrap_or(records.len());
    published.truncate(limit);
    records.truncate(limit);
    let template = args.search.template();
    let client = args.connection.client(args.search.client()).await?;
    let settings = RunSettings::new(&args.suite.name(), &published, &template, client.model_info().await?);
    let settings = RunSettings { noise, ..settings };
    let mut folder = RunFolder::open(&args.out, &settings, args.shard, args.retry_failed)?;
    let mine = (0..records.len()).filter(|place| args.shard.holds(*place)).count();
    let progress = progress(mine, folder.len());
    let (mut right, mut done) = (0, 0);
    go_on(&mut folder, &client, (&records, args.shard), &template, args.concurrency, |outcome: &Outcome| {
        done += 1;
        right += usize::from(outcome.fault.is_none());
        if let Some(message) = &outcome.failed {
            progress.suspend(|| eprintln!("{} failed: {message}", outcome.id));
        }
        progress.set_message(format!("{right} of {done} right"));
        progress.inc(1);
    })
    .await?;
    progress.finish_and_clear();
    told(&args.out)
}

/// A bar over so many records, some of which are done.
pub(crate) fn progress(records: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(records as u64).with_position(done as u64);
    // The template is constant and well-formed.
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta} left, {msg}") {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

/// Prints what a run's folder holds by now.
fn told(folder: &Path) -> Result<Ended> {
    let (settings, outcomes) = read_run(folder)?;
    let tally = Tally::of(&outcomes);
    let noise = settings.noise.as_ref().map(|noise| format!(", {}", noise.label())).unwrap_or_default();
    let of = format!("{}{noise}", settings.suite);
    println!("| {of} | right | of | accuracy | 95% | policy tokens | reward tokens | ms |");
    println!("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |");
    let rows = tally.categories.iter().map(|(name, category)| (name.as_str(), category));
    for (name, category) in rows.chain([("all", &tally.all)]) {
        println!("{}", row(name, category));
    }
    if !tally.faults.is_empty() {
        let faults = tally.faults.iter().map(|(fault, count)| format!("{count} {fault}"));
        println!("\nNot right: {}", faults.collect::<Vec<_>>().join(", "));
    }
    for (id, message) in &tally.failed {
        println!("failed: {id}: {message}");
    }
    println!(
        "\nright {} of {}, {} failed, {} of {} records done",
        tally.all.right,
        tally.all.total,
        tally.failed.len(),
        outcomes.len(),
        settings.records
    );
    Ok(if tally.failed.is_empty() { Ended::Done } else { Ended::Short })
}

/// Means are per record.
fn row(name: &str, category: &Category) -> String {
    let (low, high) = category.interval();
    format!(
        "| {name} | {} | {} | {:.1}% | {:.1} to {:.1} | {:.0} | {:.0} | {:.0} |",
        category.right,
        category.total,
        100.0 * category.accuracy(),
        100.0 * low,
        100.0 * high,
        category.mean(category.policy_tokens as f64),
        category.mean(category.reward_tokens as f64),
        category.mean(category.milliseconds),
    )
}

/// Writes a run's answers for other evaluators.
pub(crate) fn export(args: &ExportArgs) -> Result<Ended> {
    let (settings, outcomes) = read_run(&args.run)?;
    if settings.suite == RunSuite::Bfcl.name() {
        let renamed = settings.noise.as_ref().is_some_and(NoiseSettings::renames);
        let strange = "the run renamed parameters, which BFCL's evaluator does not know; give one without";
        ensure!(!renamed, WrongFile(strange.to_owned()));
        for file in export_bfcl(&outcomes, &args.out)? {
            println!("{}", file.display());
        }
        return Ok(Ended::Done);
    }
    let Some(data) = &args.data else {
        let wanted =
            format!("--data: give the folder with {}'s data, which names the right calls", settings.suite);
        anyhow::bail!(WrongFile(wanted));
    };
    let records = records_of(&settings, data)?;
    let fewer = || WrongFile(format!("{} has fewer records than the run", data.display()));
    ensure!(records.len() >= settings.records, fewer());
    println!("{}", export_predictions(&outcomes, &records, &args.out)?.display());
    Ok(Ended::Done)
}
