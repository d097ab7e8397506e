//! What the evaluation promises: how sets are read, which answers are right, and what is counted.

mod accepting;
mod best_of_n;
mod checker;
mod f1;
mod loading;
mod noise;
mod rewards;
mod running;
mod runs;
mod scripted;

use std::path::Path;

use tempfile::TempDir;
use toolbeam_eval::{EvalError, Record, Suite, load};

const QUESTIONS: &str = "bfcl/BFCL_v4_simple_python.json";
const ANSWERS: &str = "bfcl/possible_answer/BFCL_v4_simple_python.json";
const QUERIES: &str = "seal-tools/test_in_domain.jsonl";
const TOOLS: &str = "seal-tools/tool.jsonl";

/// A data folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, text).expect("written");
    }
    folder
}

/// Loads a set of these files.
fn load_files(suite: Suite, files: &[(&str, &str)]) -> Result<Vec<Record>, EvalError> {
    load(suite, folder(files).path())
}

/// BFCL's set of one question about `f` with these parameters, and these possible arguments.
fn one_bfcl(parameters: &str, arguments: &str) -> Record {
    let [parameters, arguments] = [parameters, arguments].map(|text| text.replace('\n', " "));
    let question = format!(
        r#"{{"id": "q0", "question": [[{{"role": "user", "content": "do"}}]], "function": [{{"name": "lib.f", "description": "does", "parameters": {parameters}}}]}}"#
    );
    let answer = format!(r#"{{"id": "q0", "ground_truth": [{{"lib.f": {arguments}}}]}}"#);
    let records = load_files(Suite::SimplePython, &[(QUESTIONS, &question), (ANSWERS, &answer)]);
    records.expect("loads").remove(0)
}

/// Tools `a` to `h` as Seal-Tools writes them.
fn seal_tools() -> String {
    let tool = |name| {
        format!(
            r#"{{"api_name": "{name}", "api_description": "tool {name}", "field": "x", "parameters": {{"size": {{"type": "int", "description": "its size", "example": 3}}, "kind": {{"type": "str"}}}}, "required": ["size"], "responses": {{}}}}"#
        )
    };
    ('a'..='h').map(tool).collect::<Vec<_>>().join("\n")
}

/// A query of Seal-Tools with these gold calls.
fn seal_query(id: &str, query: &str, calls: &[(&str, &str)]) -> String {
    let calls: Vec<String> = calls
        .iter()
        .map(|(name, parameters)| {
            format!(r#"{{"api": "{name}", "parameters": {parameters}, "responses": ["API_call_0"]}}"#)
        })
        .collect();
    format!(r#"{{"id": "{id}", "query": "{query}", "calling": [{}]}}"#, calls.join(", "))
}

fn load_seal(queries: &[String]) -> Result<Vec<Record>, EvalError> {
    load_files(Suite::SealToolsInDomain, &[(QUERIES, &queries.join("\n")), (TOOLS, &seal_tools())])
}

/// The folder of a set inside a data folder.
fn inside(folder: &TempDir, set: &str) -> std::path::PathBuf {
    Path::join(folder.path(), set)
}
