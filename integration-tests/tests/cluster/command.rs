//! The command line.

use std::io::Write;
use std::process::Stdio;

use crate::sandbox::{serve, toolbeam};

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
    check(&["call", "hello", "--tools", &path(&broken)], "is no tools file");
    check(&["policy", "--listen", "127.0.0.1:0", "--model", "no-such-folder"], "no-such-folder/config.json");
    check(&["serve", "--listen", "127.0.0.1:0", "--device", "cuda:99"], "cuda:99 was asked for");
    check(&["serve", "--listen", "127.0.0.1:0", "--kv-bytes", "10"], "--kv-bytes");
    check(&["serve", "--listen", "nowhere"], "cannot listen on nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_printed_as_it_happens_and_a_search_can_be_cancelled() {
    let node = serve();
    let tools = tools_file(TOOLS);
    let call = |more: &[&str]| {
        let mut command = toolbeam();
        command.args(["call", "What is the weather in Oslo?", "--no-schema", "--address", &node.address]);
        command.args(["--stream", "--search-id", "from the shell", "--tools"]).arg(tools.path()).args(more);
        command
    };
    let program = call(&["--json"]).output().expect("it runs");
    let lines = String::from_utf8(program.stdout).expect("text");
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect();
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event["sequence"], number, "{event}");
        let kind = event["event"].as_str().expect("a kind");
        assert!(event[kind].is_object(), "{event}");
    }
    assert_eq!(events.last().expect("events")["finished"]["search_id"], "from the shell");
    let person = String::from_utf8(call(&[]).output().expect("it runs").stdout).expect("text");
    assert!(person.contains("round 1") && person.contains("answer (reward "), "{person}");

    let cancel = |search_id: &str| {
        let output = toolbeam().args(["cancel", search_id, "--address", &node.address]).output();
        output.expect("it runs").status.success()
    };
    assert!(!cancel("from the shell"), "it is over");
    // A search may end before the command that cancels it has started; another one then runs.
    let cancelled = (0..20).find_map(|_| {
        let mut call = call(&["-n", "16", "-m", "16", "--deterministic"]);
        let running = call.stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut running = running.expect("it runs");
        while running.try_wait().expect("it was started").is_none() {
            if cancel("from the shell") {
                return Some(running);
            }
        }
        None
    });
    let running = cancelled.expect("one of them is cancelled");
    let ended = running.wait_with_output().expect("it ended");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the search was cancelled"), "{ended:?}");
}
