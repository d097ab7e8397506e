//! Cost against load: the same searches with more and more of them in flight.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use toolbeam_client::v1;

use crate::asking::{AskingArgs, Reply};
use crate::prompts::Prompts;
use crate::server::{Memory, Server, ServerArgs};
use crate::statistics::quantile;

/// Searches before those of a level.
const WARM_UP: usize = 4;

/// Which levels are measured.
#[derive(clap::Args)]
pub(crate) struct LevelsArgs {
    /// How many searches are in flight, level by level.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128,256")]
    levels: Vec<usize>,
    /// The fewest searches of a level; it has at least twice as many as are in flight. A Toolbeam that is
    /// started for this starts anew for every level, which makes the same searches as the others.
    #[arg(long, default_value_t = 64)]
    searches: usize,
    /// Mark the tools of every prompt too, so that prompts of one record share no more than their first
    /// tokens; otherwise the mark stands at the end of the user's message, and later levels find the
    /// tools of earlier ones.
    #[arg(long)]
    pub(crate) cold: bool,
}

/// What is found.
#[derive(Serialize)]
pub(crate) struct Report {
    levels: Vec<Level>,
    peak_searches_per_second: f64,
    /// The lowest throughput beyond the level of the peak, over the peak; 1 if there is none.
    lowest_past_peak_over_peak: f64,
}

/// One level of concurrency.
#[derive(Serialize)]
struct Level {
    concurrency: usize,
    /// Those that were asked for.
    searches: usize,
    /// While the level was full; see [`throughput`].
    searches_per_second: f64,
    /// Over the highest of all levels.
    over_peak: f64,
    /// What both models computed for the searches that were done while the level was full.
    tokens_per_second: f64,
    /// Of searches with a reply.
    median_seconds: f64,
    p99_seconds: f64,
    /// Searches without a reply, by gRPC code.
    errors: BTreeMap<String, usize>,
    /// Replies of searches that stopped because of time, and so did less than others.
    cut_short: usize,
    /// After the level, of a server that was started for this.
    memory: Option<Memory>,
}

/// Measures every level in turn.
pub(crate) async fn run(
    args: &LevelsArgs,
    asking: &AskingArgs,
    server: &ServerArgs,
    prompts: Prompts,
) -> Result<Report> {
    let requests = |first: usize, count: usize| {
        let made =
            (first..first + count).map(|index| asking.request(prompts.marked(index, index), index as u64));
        made.collect::<Vec<_>>()
    };
    let (mut levels, mut made) = (Vec::new(), 0);
    for &concurrency in &args.levels {
        let server = Server::start(server)?;
        asking.all(&server.address, requests(made, WARM_UP), 2).await?;
        let searches = args.searches.max(2 * concurrency);
        let replies = asking.all(&server.address, requests(made + WARM_UP, searches), concurrency).await?;
        // One that goes on running must not be asked twice.
        made += if server.is_started() { 0 } else { WARM_UP + searches };
        let level = Level::of(concurrency, &replies, server.memory());
        eprintln!("{concurrency} at once: {:.2} searches/s", level.searches_per_second);
        levels.push(level);
    }
    Ok(Report::of(levels))
}

impl Level {
    fn of(concurrency: usize, replies: &[Reply], memory: Option<Memory>) -> Level {
        let mut errors = BTreeMap::new();
        let (mut latencies, mut cut_short) = (Vec::new(), 0);
        for Reply { seconds, result, .. } in replies {
            match result {
                Ok(response) => {
                    latencies.push(*seconds);
                    cut_short += usize::from(response.stop_reason() == v1::StopReason::Deadline);
                }
                Err(error) => {
                    let count: &mut usize = errors.entry(format!("{:?}", error.code())).or_default();
                    *count += 1;
                    if *count == 1 {
                        eprintln!("{concurrency} at once, a search failed: {error}");
                    }
                }
            }
        }
        Level {
            concurrency,
            searches: replies.len(),
            searches_per_second: throughput(replies, |_| 1.0),
            over_peak: 1.0,
            tokens_per_second: throughput(replies, tokens),
            median_seconds: quantile(&latencies, 0.5),
            p99_seconds: quantile(&latencies, 0.99),
            errors,
            cut_short,
            memory,
        }
    }
}

/// What replies are worth, per second from the first call to the last: from then on fewer are in flight,
/// and one long search would be timed alone.
fn throughput(replies: &[Reply], worth: impl Fn(&v1::SearchResponse) -> f64) -> f64 {
    let starts = || replies.iter().map(|reply| reply.start);
    let Some((first, last)) = starts().min().zip(starts().max()) else { return 0.0 };
    let by_then = |reply: &&Reply| reply.start + Duration::from_secs_f64(reply.seconds) <= last;
    let done = replies.iter().filter(by_then).filter_map(|reply| reply.result.as_ref().ok());
    done.map(worth).sum::<f64>() / (last - first).as_secs_f64()
}

/// Tokens that both models computed for a search.
fn tokens(response: &v1::SearchResponse) -> f64 {
    let usage = response.usage.unwrap_or_default();
    let policy = usage.policy.map_or(0, |policy| policy.prompt_tokens + policy.decode_tokens);
    let reward = usage.reward.map_or(0, |reward| reward.prompt_tokens + reward.answer_tokens);
    (policy + reward) as f64
}

impl Report {
    fn of(mut levels: Vec<Level>) -> Report {
        let peak = levels.iter().map(|level| level.searches_per_second).fold(0.0, f64::max);
        let mut lowest: f64 = 1.0;
        let mut past = false;
        for level in &mut levels {
            level.over_peak = level.searches_per_second / peak;
            past |= level.searches_per_second >= peak;
            lowest = if past { lowest.min(level.over_peak) } else { lowest };
        }
        Report { levels, peak_searches_per_second: peak, lowest_past_peak_over_peak: lowest }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "peak {:.2} searches/s, past it at least {:.0}% of that\n",
            self.peak_searches_per_second,
            100.0 * self.lowest_past_peak_over_peak
        )?;
        writeln!(
            f,
            "| at once | searches | searches/s | of peak | tokens/s | median s | p99 s | errors | cut short \
             | resident MiB | peak MiB |"
        )?;
        writeln!(f, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |")?;
        self.levels.iter().try_for_each(|level| writeln!(f, "{level}"))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| (bytes >> 20).to_string());
        let errors = self.errors.iter().map(|(code, count)| format!("{count} {code}")).collect::<Vec<_>>();
        write!(
            f,
            "| {} | {} | {:.2} | {:.0}% | {:.0} | {:.2} | {:.2} | {} | {} | {} | {} |",
            self.concurrency,
            self.searches,
            self.searches_per_second,
            100.0 * self.over_peak,
            self.tokens_per_second,
            self.median_seconds,
            self.p99_seconds,
            if errors.is_empty() { "none".to_owned() } else { errors.join(", ") },
            self.cut_short,
            mib(self.memory.map(|memory| memory.resident)),
            mib(self.memory.map(|memory| memory.peak)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn throughput_is_compared_with_the_peak_and_past_it() {
        let check = |speeds: &[f64], lowest: f64| {
            let level = |speed: &f64| Level { searches_per_second: *speed, ..Level::of(1, &[], None) };
            let report = Report::of(speeds.iter().map(level).collect());
            assert!((report.lowest_past_peak_over_peak - lowest).abs() < 1e-12, "{speeds:?}: {report}");
        };
        check(&[1.0, 4.0, 3.0, 3.5], 0.75);
        check(&[1.0, 2.0, 4.0], 1.0);
        check(&[], 1.0);
    }

    #[test]
    fn throughput_is_that_of_a_full_level() {
        let first = Instant::now();
        let reply = |start: f64, seconds: f64| Reply {
            start: first + Duration::from_secs_f64(start),
            seconds,
            result: Ok(v1::SearchResponse::default()),
        };
        // Two at once until the last begins after 4 seconds, and then a long one.
        let replies = [
            reply(0.0, 2.0),
            reply(0.0, 1.0),
            reply(1.0, 3.0),
            reply(2.0, 1.0),
            reply(3.0, 99.0),
            reply(4.0, 1.0),
        ];
        assert!((throughput(&replies, |_| 1.0) - 4.0 / 4.0).abs() < 1e-6);
        assert!((throughput(&replies, |_| 10.0) - 10.0).abs() < 1e-5);
        assert_eq!(throughput(&[], |_| 1.0), 0.0);
    }
}
