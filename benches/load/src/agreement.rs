//! What deterministic mode is for, and what it costs.

use std::fmt;

use anyhow::Result;
use serde::Serialize;
use toolbeam_client::v1;

use crate::asking::{AskingArgs, Reply};
use crate::prompts::Prompts;
use crate::server::Server;
use crate::statistics::Quartiles;

/// How much is compared.
#[derive(clap::Args)]
pub(crate) struct AgreementArgs {
    /// How many prompts.
    #[arg(long, default_value_t = 40)]
    prompts: usize,
    /// How many searches are in flight under load.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
}

/// What is found.
#[derive(Serialize)]
pub(crate) struct Report {
    prompts: usize,
    /// How many searches were in flight under load.
    concurrency: usize,
    /// Prompts whose best answer under load is, byte for byte, that of deterministic mode alone.
    identical: usize,
    /// Of those, prompts that have no answer in either.
    identical_without_answer: usize,
    /// Seconds per search of either mode, one at a time.
    normal_seconds: Quartiles,
    deterministic_seconds: Quartiles,
    /// Deterministic over normal, prompt by prompt.
    ratio: Quartiles,
}

/// Searches every prompt under load, then alone in deterministic mode, in turn with a search of a prompt
/// as long that has not been seen.
pub(crate) async fn run(
    args: &AgreementArgs,
    asking: &AskingArgs,
    server: &Server,
    prompts: Prompts,
) -> Result<Report> {
    let request = |index: usize, mark: usize| asking.request(prompts.marked(index, mark), index as u64);
    let client = asking.connect(&server.address).await?;
    let requests = (0..args.prompts).map(|index| request(index, index)).collect();
    let under_load = asking.all(&server.address, requests, args.concurrency).await?;
    let (mut identical, mut without_answer) = (0, 0);
    let (mut normal, mut deterministic) = (Vec::new(), Vec::new());
    for (index, loaded) in under_load.into_iter().enumerate() {
        let fresh = request(index, args.prompts + index);
        let same = v1::SearchRequest { deterministic: true, ..request(index, index) };
        let (first, second) = if index % 2 == 0 { (fresh, same) } else { (same, fresh) };
        let pair = [Reply::of(&client, first).await, Reply::of(&client, second).await];
        let [one, other] = if index % 2 == 0 { pair } else { swapped(pair) };
        one.result?;
        normal.push(one.seconds);
        deterministic.push(other.seconds);
        let answers = (best(loaded.result?), best(other.result?));
        identical += usize::from(answers.0 == answers.1);
        without_answer += usize::from(answers == (None, None));
    }
    let ratios: Vec<f64> = deterministic.iter().zip(&normal).map(|(slow, fast)| slow / fast).collect();
    Ok(Report {
        prompts: args.prompts,
        concurrency: args.concurrency,
        identical,
        identical_without_answer: without_answer,
        normal_seconds: Quartiles::of(&normal),
        deterministic_seconds: Quartiles::of(&deterministic),
        ratio: Quartiles::of(&ratios),
    })
}

fn swapped([first, second]: [Reply; 2]) -> [Reply; 2] {
    [second, first]
}

/// The bytes of the best answer.
fn best(response: v1::SearchResponse) -> Option<Vec<u8>> {
    response.answers.into_iter().next().map(|answer| answer.text)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { prompts, concurrency, identical, identical_without_answer, .. } = self;
        writeln!(
            f,
            "{identical} of {prompts} best answers with {concurrency} searches at once are those of deterministic \
             mode alone ({identical_without_answer} have none in either)\n"
        )?;
        writeln!(f, "| one at a time | median | quartiles |")?;
        writeln!(f, "| --- | ---: | --- |")?;
        let mut row = |name: &str, values: &Quartiles| {
            let Quartiles { first_quartile, median, third_quartile } = values;
            writeln!(f, "| {name} | {median:.3} | {first_quartile:.3} to {third_quartile:.3} |")
        };
        row("normal, s", &self.normal_seconds)?;
        row("deterministic, s", &self.deterministic_seconds)?;
        row("deterministic / normal", &self.ratio)
    }
}
