//! Seal-Tools' tests: queries with gold calls, and a file of tools for all of them.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use toolbeam_client::v1;
use toolbeam_grammar::Call;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::source::{Source, parse};
use crate::suite::{Record, unique, user};

const FOLDER: &str = "seal-tools";
/// How many candidate tools a query has, unless its calls need more.
const CANDIDATES: usize = 5;

#[derive(Deserialize)]
struct Query<'a> {
    id: String,
    query: String,
    #[serde(borrow)]
    calling: Vec<Calling<'a>>,
}

#[derive(Deserialize)]
struct Calling<'a> {
    api: String,
    #[serde(borrow)]
    parameters: &'a RawValue,
}

#[derive(Deserialize)]
struct Api {
    api_name: String,
    #[serde(default)]
    api_description: String,
    parameters: Option<Map<String, Value>>,
    required: Option<Vec<String>>,
}

/// Reads a test's queries with their candidate tools.
pub(crate) fn load(data: &Path, test: &str) -> Result<Vec<Record>, EvalError> {
    let tools = Source::open(data, FOLDER, "tool.jsonl")?.records(|line| Ok(tool(parse(line)?)))?;
    let tools = unique(tools);
    let queries = Source::open(data, FOLDER, &format!("{test}.jsonl"))?;
    queries.records(|line| record(test, parse(line)?, &tools))
}

/// The tool with flat parameters, of which each that is required says so itself: the form in which the
/// reference models' training recipe shows these tools. Examples and units beside a description are
/// left out, as there.
fn tool(api: Api) -> v1::Tool {
    let required = api.required.unwrap_or_default();
    let parameters = api.parameters.unwrap_or_default().into_iter().map(|(name, declared)| {
        let text = |key: &str| declared.get(key).and_then(Value::as_str);
        let mut parameter = Map::new();
        parameter.insert("type".into(), text("type").unwrap_or("str").into());
        parameter.insert("description".into(), text("description").unwrap_or_default().into());
        if required.contains(&name) {
            parameter.insert("required".into(), json!(true));
        }
        (name, Value::from(parameter))
    });
    let parameters: Map<String, Value> = parameters.collect();
    v1::Tool {
        name: api.api_name,
        description: api.api_description,
        parameters: Value::from(parameters).to_string(),
    }
}

fn record(test: &str, query: Query<'_>, tools: &[v1::Tool]) -> Result<Record, String> {
    let gold = query.calling.iter().map(|calling| {
        Call::from_json(calling.api.as_str(), calling.parameters.get())
            .map_err(|error| format!("calling: {}: {error}", calling.api))
    });
    let gold: Vec<Call> = gold.collect::<Result<_, _>>()?;
    Ok(Record {
        tools: candidates(&query.id, &gold, tools)?,
        id: query.id,
        category: test.to_owned(),
        messages: vec![user(query.query)],
        gold: Gold::calls(gold),
        // Gold values often are not of the type that the tool declares ("85" for an int, a number for a
        // str), so that checking against the tools would refuse right answers while searching.
        validation: Some(v1::Validation::Syntax),
    })
}

/// The tools of the gold calls and distractors, as said at [`Suite`](crate::Suite).
fn candidates(id: &str, gold: &[Call], tools: &[v1::Tool]) -> Result<Vec<v1::Tool>, String> {
    let needed: HashSet<&str> = gold.iter().map(|call| call.name.as_str()).collect();
    let mut ranked: Vec<([u8; 32], &v1::Tool)> =
        tools.iter().map(|tool| (rank(id, &tool.name), tool)).collect();
    ranked.sort_unstable_by_key(|(rank, _)| *rank);
    let mut room = CANDIDATES.saturating_sub(needed.len());
    let mut found = 0;
    ranked.retain(|(_, tool)| {
        let is_needed = needed.contains(tool.name.as_str());
        found += usize::from(is_needed);
        let is_distractor = !is_needed && room > 0;
        room -= usize::from(is_distractor);
        is_needed || is_distractor
    });
    if found < needed.len() {
        let missing = needed.into_iter().find(|name| !ranked.iter().any(|(_, tool)| tool.name == *name));
        return Err(format!("calling: tool.jsonl has no tool {}", missing.unwrap_or_default()));
    }
    Ok(ranked.into_iter().map(|(_, tool)| tool.clone()).collect())
}

fn rank(id: &str, name: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(&[0]).update(name.as_bytes());
    *hasher.finalize().as_bytes()
}
