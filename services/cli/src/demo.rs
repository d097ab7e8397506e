//! `toolbeam demo`: the queries that ship with Toolbeam, through real services on a real socket.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use toolbeam_client::{Client, v1};
use toolbeam_serve::Listener;

use crate::call::SearchArgs;
use crate::exit::Ended;
use crate::output;
use crate::roles::{Engine, EngineArgs};
use crate::tools::parse_tools;

/// How many answers must equal their gold answers.
const NEEDED: usize = 5;

const QUERIES: &str = include_str!("../demo/queries.json");

/// Arguments of `toolbeam demo`.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Where to listen; a free port by default.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Deserialize)]
struct Query<'a> {
    title: String,
    query: String,
    #[serde(borrow)]
    tools: &'a RawValue,
    gold: Vec<GoldCall>,
}

#[derive(Deserialize)]
struct GoldCall {
    name: String,
    arguments: Value,
}

/// Searches every query. Fails unless at least [`NEEDED`] answers equal their gold answers.
pub(crate) async fn run(args: DemoArgs) -> Result<Ended> {
    let queries: Vec<Query> = serde_json::from_str(QUERIES).context("the demo's queries")?;
    println!("loading the models ...");
    let engine = Engine::start(args.engine).await?;
    let listener = Listener::tcp(&args.listen).await?;
    let address = listener.address().context("a TCP listener has an address")?.to_string();
    tokio::spawn(async move {
        if let Err(error) = engine.run(listener).await {
            tracing::error!(%error, "the services ended");
        }
    });
    let client = Client::connect(&address, args.search.client()).await?;
    println!("searching over gRPC at {address}\n");
    let mut right = 0;
    for (index, query) in queries.iter().enumerate() {
        println!("{}. {}\n   \"{}\"", index + 1, query.title, query.query);
        let request = args.search.request(&query.query, parse_tools(query.tools.get())?);
        let response = client.search(request).await?;
        print!("{}", output::trace(&response));
        let equal = response.answers.first().is_some_and(|answer| is_gold(answer, &query.gold));
        right += usize::from(equal);
        let verdict = if equal { "equals" } else { "differs from" };
        println!("  {verdict} the gold answer, {:.0} ms\n", output::total_ms(&response));
    }
    println!("{right} of {} answers equal their gold answers (at least {NEEDED} are needed)", queries.len());
    Ok(if right >= NEEDED { Ended::Done } else { Ended::Short })
}

/// Whether the answer makes exactly the gold calls, in any order.
fn is_gold(answer: &v1::Answer, gold: &[GoldCall]) -> bool {
    let mut left: Vec<&GoldCall> = gold.iter().collect();
    let found = answer.calls.iter().all(|call| {
        let arguments: Option<Value> = serde_json::from_str(&call.arguments).ok();
        let place = left
            .iter()
            .position(|gold| gold.name == call.name && Some(&gold.arguments) == arguments.as_ref());
        place.map(|place| left.remove(place)).is_some()
    });
    found && left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_as_sets_of_calls() {
        let gold: Vec<GoldCall> = serde_json::from_str(
            r#"[{"name": "f", "arguments": {"a": 1, "b": "x"}}, {"name": "g", "arguments": {}}]"#,
        )
        .expect("parses");
        let check = |calls: &[(&str, &str)], expected: bool| {
            let calls = calls.iter().map(|(name, arguments)| v1::FunctionCall {
                name: (*name).into(),
                arguments: (*arguments).into(),
                id: String::new(),
            });
            let answer = v1::Answer { calls: calls.collect(), ..Default::default() };
            assert_eq!(is_gold(&answer, &gold), expected, "{:?}", answer.calls);
        };
        check(&[("g", "{}"), ("f", r#"{"b": "x", "a": 1}"#)], true);
        check(&[("f", r#"{"b": "x", "a": 1}"#)], false);
        check(&[("g", "{}"), ("f", r#"{"b": "x", "a": 1.0}"#)], false);
        check(&[("g", "{}"), ("g", "{}"), ("f", r#"{"b": "x", "a": 1}"#)], false);
    }

    #[test]
    fn the_shipped_queries_parse_and_are_of_every_kind() {
        let queries: Vec<Query> = serde_json::from_str(QUERIES).expect("parses");
        assert_eq!(queries.len(), 6);
        assert_eq!(queries.iter().filter(|query| query.gold.is_empty()).count(), 1);
        let tools = |query: &Query| parse_tools(query.tools.get()).expect("tools parse").len();
        assert_eq!(queries.iter().filter(|query| tools(query) > 1 && query.gold.len() == 1).count(), 2);
        assert_eq!(queries.iter().filter(|query| query.gold.len() > 1).count(), 1);
        let arguments = |query: &Query| query.gold[0].arguments.as_object().map_or(0, serde_json::Map::len);
        assert!(queries.iter().any(|query| tools(query) == 1 && arguments(query) > 1));
    }
}
