//! Who has an answer before the time is over.

use std::fmt;

use anyhow::Result;
use serde::Serialize;
use toolbeam_client::v1::StrategyKind::{self, Adaptive, FineGrainedBeam, Greedy};
use toolbeam_client::v1::{SearchRequest, StopReason, Strategy};

use crate::asking::{AskingArgs, Reply};
use crate::prompts::Prompts;
use crate::server::Server;
use crate::statistics::Quartiles;

/// The strategies that are compared; the first is what the others are held against.
const STRATEGIES: [StrategyKind; 3] = [Greedy, FineGrainedBeam, Adaptive];

/// What is asked.
#[derive(clap::Args)]
pub(crate) struct DeadlinesArgs {
    /// Deadlines of the client, in milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "50,100,200,500")]
    deadlines: Vec<u64>,
    /// Searches of each strategy under each deadline.
    #[arg(long, default_value_t = 200)]
    searches: usize,
    /// How many searches are in flight.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
}

/// What is found.
#[derive(Serialize)]
pub(crate) struct Report {
    searches: usize,
    concurrency: usize,
    rows: Vec<Row>,
}

/// One strategy under one deadline.
#[derive(Serialize)]
struct Row {
    deadline_ms: u64,
    strategy: String,
    /// Searches whose complete answer reached the client before its deadline.
    complete: usize,
    /// Of those, the ones that ended by themselves and were not cut short.
    finished: usize,
    /// Seconds of those that are complete.
    seconds: Quartiles,
}

/// Makes the same searches under each deadline by each strategy, in turn, on one server.
pub(crate) async fn run(
    args: &DeadlinesArgs,
    asking: &AskingArgs,
    server: &Server,
    prompts: Prompts,
) -> Result<Report> {
    let (mut rows, mut mark) = (Vec::new(), 0);
    for &deadline_ms in &args.deadlines {
        let asking = asking.within(deadline_ms);
        for kind in STRATEGIES {
            let request = |index: usize| {
                let request = asking.request(prompts.marked(index, mark + index), index as u64);
                let strategy = Strategy { kind: kind.into(), ..request.strategy.unwrap_or_default() };
                SearchRequest { strategy: Some(strategy), ..request }
            };
            let requests = (0..args.searches).map(request).collect();
            mark += args.searches;
            let replies = asking.all(&server.address, requests, args.concurrency).await?;
            rows.push(Row::of(deadline_ms, kind, &replies));
        }
    }
    Ok(Report { searches: args.searches, concurrency: args.concurrency, rows })
}

impl Row {
    fn of(deadline_ms: u64, kind: StrategyKind, replies: &[Reply]) -> Row {
        let complete = replies.iter().filter_map(|reply| {
            let response = reply.result.as_ref().ok()?;
            let in_time = reply.seconds * 1e3 <= deadline_ms as f64;
            (in_time && !response.answers.is_empty()).then_some((reply.seconds, response.stop_reason()))
        });
        let complete: Vec<(f64, StopReason)> = complete.collect();
        let seconds: Vec<f64> = complete.iter().map(|(seconds, _)| *seconds).collect();
        Row {
            deadline_ms,
            strategy: kind.as_str_name().trim_start_matches("STRATEGY_KIND_").to_lowercase(),
            complete: complete.len(),
            finished: complete.iter().filter(|(_, reason)| *reason != StopReason::Deadline).count(),
            seconds: Quartiles::of(&seconds),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} searches each, {} at once\n", self.searches, self.concurrency)?;
        writeln!(f, "| deadline, ms | strategy | complete in time | not cut short | ms, median |")?;
        writeln!(f, "| ---: | --- | ---: | ---: | ---: |")?;
        let share = |count: usize| 100.0 * count as f64 / self.searches.max(1) as f64;
        for Row { deadline_ms, strategy, complete, finished, seconds } in &self.rows {
            let (complete, finished) = (share(*complete), share(*finished));
            let median = seconds.median * 1e3;
            writeln!(f, "| {deadline_ms} | {strategy} | {complete:.1}% | {finished:.1}% | {median:.0} |")?;
        }
        Ok(())
    }
}
