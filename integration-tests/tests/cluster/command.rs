//! The command line.

use std::io::Write;

use crate::sandbox::toolbeam;

const TOOLS: &str = r#"[{"name": "getWeather", "description": "Get the weather of a city",
    "parameters": {"city": {"type": "str", "description": "The name of the city", "required": true}}}]"#;

fn tools_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it is written");
    file
}

#[test]
fn a_call_prints_json_for_programs_and_a_trace_for_people() {
    let tools = tools_file(TOOLS);
    let call = |more: &[&str]| {
        let mut command = toolbeam();
        command.args(["call", "What is the weather in Oslo?", "--threads", "1", "--no-schema", "--tools"]);
        command.arg(tools.path()).args(more).output().expect("it runs")
    };
    let program = call(&["--json"]);
    let response: serde_json::Value = serde_json::from_slice(&program.stdout).expect("one JSON object");
    assert!(response["usage"]["policy_tokens"].as_u64() > Some(0), "{response}");
    let none = call(&["--json", "--tool-choice", "none"]);
    let response: serde_json::Value = serde_json::from_slice(&none.stdout).expect("one JSON object");
    assert_eq!(response["usage"]["policy_tokens"], 0);
    assert_eq!(response["answers"][0]["calls"], serde_json::json!([]), "{response}");
    assert_eq!(response["answers"][0]["content"], "");
    let named = call(&["--json", "--tool-choice", "getWeather", "--max-calls", "1"]);
    let response: serde_json::Value = serde_json::from_slice(&named.stdout).expect("one JSON object");
    assert_eq!(response["answers"][0]["calls"][0]["name"], "getWeather", "{response}");
    let person = String::from_utf8(call(&[]).stdout).expect("text");
    assert!(person.contains("answer (reward ") && person.contains("round 1"), "{person}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let check = |args: &[&str], expected: &str| {
        let output = toolbeam().args(args).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?}");
        assert!(error.contains(expected), "{args:?}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    };
    let (empty, broken) = (tools_file("[]"), tools_file("[{"));
    let path = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    check(&["call", "hello", "--tools", "no-such-file.json"], "cannot read no-such-file.json");
    check(&["call", "hello", "--tools", &path(&empty)], "give at least one tool");
    check(&["call", "hello"], "--tools");
    check(&["call", "hello", "--tool-choice", "required", "--threads", "1"], "prompt.tools");
    check(&["call", "hello", "--tools", &path(&broken)], "is no tools file");
    check(&["policy", "--listen", "127.0.0.1:0", "--model", "no-such-folder"], "no-such-folder/config.json");
    check(&["serve", "--listen", "127.0.0.1:0", "--device", "cuda:99"], "cuda:99 was asked for");
    check(&["serve", "--listen", "127.0.0.1:0", "--kv-bytes", "10"], "--kv-bytes");
    check(&["serve", "--listen", "nowhere"], "cannot listen on nowhere");
}
