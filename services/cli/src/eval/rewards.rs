//! `toolbeam eval rewards`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use toolbeam_client::ClientConfig;
use toolbeam_eval::{Measures, Pairwise, RewardReport, evaluate_rewards, read_pairs};

use super::run::progress;
use crate::connection::ConnectionArgs;
use crate::exit::Ended;

/// Arguments of `toolbeam eval rewards`.
#[derive(clap::Args)]
pub(crate) struct RewardsArgs {
    /// Pairs in FC-RewardBench's format, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// How many prompts are asked for at a time.
    #[arg(long, default_value = "8")]
    concurrency: NonZeroUsize,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Judges a reward model by pairs. Fails if a prompt has no reply.
pub(crate) async fn rewards(args: RewardsArgs) -> Result<Ended> {
    let pairs = read_pairs(&args.pairs)?;
    let client = args.connection.client(ClientConfig::default()).await?;
    let bar = progress(pairs.len(), 0);
    let report = evaluate_rewards(&client, &pairs, args.concurrency, |pairs| bar.inc(pairs as u64)).await;
    bar.finish_and_clear();
    print!("{}", tables(&report));
    println!("{}", serde_json::to_string(&report)?);
    Ok(if report.failed.is_empty() { Ended::Done } else { Ended::Short })
}

fn tables(report: &RewardReport) -> String {
    let mut text = String::from(
        "| labels | number | + | loss | accuracy | balanced | AUC | calibration error |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let markers = report.markers.iter().map(|(marker, measures)| (*marker, measures));
    for (name, measures) in
        [("steps", &report.steps), ("trajectories", &report.trajectories)].into_iter().chain(markers)
    {
        text += &measured(name, measures);
    }
    text += "\n| pairs | number | in order | % | 95% | ties |\n| --- | ---: | ---: | ---: | --- | ---: |\n";
    text += &ordered("all", &report.pairwise);
    for (name, pairwise) in report.error_types.iter().chain(&report.categories) {
        text += &ordered(name, pairwise);
    }
    text += &format!(
        "\n{} pairs hold no calls to score, {} prompts failed\n",
        report.unreadable,
        report.failed.len()
    );
    for (id, message) in &report.failed {
        text += &format!("failed: {id}: {message}\n");
    }
    text
}

fn measured(name: &str, measures: &Measures) -> String {
    let known = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.3}"));
    format!(
        "| {name} | {} | {:.3} | {:.3} | {:.3} | {} | {} | {:.3} |\n",
        measures.labels,
        measures.positive,
        measures.loss,
        measures.accuracy,
        known(measures.balanced_accuracy),
        known(measures.auc),
        measures.calibration_error,
    )
}

fn ordered(name: &str, pairwise: &Pairwise) -> String {
    let (low, high) = pairwise.interval();
    format!(
        "| {name} | {} | {} | {:.1} | {:.1} to {:.1} | {} |\n",
        pairwise.pairs,
        pairwise.right,
        100.0 * pairwise.right as f64 / pairwise.pairs.max(1) as f64,
        100.0 * low,
        100.0 * high,
        pairwise.ties
    )
}
