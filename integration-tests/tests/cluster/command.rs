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
    let usage = &response["usage"];
    assert!(usage["policy_tokens"].as_u64() > Some(0), "{response}");
    assert!(usage["policy_waste_ratio"].as_f64() > Some(0.0), "{response}");
    assert!(usage["shared_rows"].as_u64() < usage["sampled_tokens"].as_u64(), "{response}");
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
    assert!(person.contains("sampled tokens shared a row"), "{person}");
}

#[test]
fn a_saved_search_runs_again_and_says_what_differs() {
    let tools = tools_file(TOOLS);
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("search.json");
    let mut call = toolbeam();
    call.args(["call", "What is the weather in Oslo?", "--threads", "1", "--no-schema", "--deterministic"]);
    call.args(["--strategy", "adaptive", "--temperature", "1.5", "--save"])
        .arg(&saved)
        .arg("--tools")
        .arg(tools.path());
    assert!(call.status().expect("it runs").code() < Some(2));
    let replay = |more: &[&str]| {
        let mut command = toolbeam();
        command.args(["replay", "--threads", "1"]).arg(&saved).args(more).output().expect("it runs")
    };
    let same = replay(&[]);
    let told = String::from_utf8_lossy(&same.stdout).into_owned();
    assert!(same.status.success() && told.ends_with("the same search\n"), "{told}");
    // The request is run as it stands in the file.
    let text = std::fs::read_to_string(&saved).expect("it is there");
    let other = text.replace("\"temperature\"", "\"topK\": 1, \"temperature\"");
    assert_ne!(text, other);
    std::fs::write(&saved, other).expect("it is written");
    let differs = replay(&["--json"]);
    let told: serde_json::Value = serde_json::from_slice(&differs.stdout).expect("one JSON object");
    assert_eq!((differs.status.code(), &told["equal"]), (Some(1), &false.into()), "{told}");
    assert!(told["difference"].as_str().is_some_and(|it| it.starts_with("round ")), "{told}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let check = |args: &[&str], code: i32, expected: &str| {
        let output = toolbeam().args(args).args(["--threads", "1"]).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        // A service's log stands before it.
        let last = error.lines().last().unwrap_or_default();
        assert!(last.starts_with("toolbeam: ") && last.contains(expected), "{args:?}: {error}");
        assert!(args[0] != "call" || error.lines().count() == 1, "{args:?}: {error}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(output.stdout.is_empty(), "{args:?}");
    };
    let call = |tools: &str, expected: &str| {
        let file = tools_file(tools);
        let path = file.path().display().to_string();
        check(&["call", "hello", "--tools", &path], 2, expected);
    };
    call("[]", "give at least one tool");
    call("[{", "is no tools file");
    call(r#"{"name": "f"}"#, "is no tools file");
    call(r#"[{"description": "no name"}]"#, "tool 0");
    call(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "tool 0");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    call(&format!(r#"[{{"name": "f", "parameters": {deep}}}]"#), "tool 0");
    call(r#"[{"name": "f"}, {"name": "f"}]"#, "prompt.tools[1].name");
    call(r#"[{"name": ""}]"#, "prompt.tools[0].name");
    call(r#"[{"name": "f", "parameters": 7}]"#, "prompt.tools[0].parameters");
    call(r#"[{"name": "f", "parameters": {"a": {"type": "strng"}}}]"#, "unknown type `strng`");
    call(r#"[{"name": "f", "parameters": {"$ref": "http://x/y"}}]"#, "remote references are not followed");

    let mut bytes = tools_file("[");
    bytes.write_all(b"\xff]").expect("it is written");
    let bytes = bytes.path().display().to_string();
    check(&["call", "hello", "--tools", &bytes], 2, "valid UTF-8");
    check(&["call", "hello", "--tools", "no-such-file.json"], 2, "cannot read no-such-file.json");
    check(&["call", "hello"], 2, "--tools <FILE>");
    check(&["call", "hello", "--tool-choice", "required"], 2, "prompt.tools");
    check(&["call", "--tools", "x"], 2, "<QUERY>");
    let flag = |flag: &str, value: &str| {
        check(&["call", "hello", "--tools", "x", &format!("{flag}={value}")], 2, flag);
    };
    for value in ["0", "65", "4294967296", "-1", "two"] {
        flag("--num-beams", value);
        flag("--num-answers", value);
    }
    for value in ["0", "257"] {
        flag("--expansions-per-beam", value);
    }
    for value in ["nan", "-0.1", "inf", "warm"] {
        flag("--temperature", value);
    }
    flag("--seed", "-1");
    flag("--strategy", "best");
    flag("--timeout-ms", "0");
    flag("--no-such-flag", "1");
    check(&["call", "", "--tools", "x"], 2, "<QUERY>");

    let good = tools_file(TOOLS);
    let good = good.path().display().to_string();
    check(&["call", "hello", "--tools", &good, "--address", "a b"], 2, "is not an address");
    check(&["call", "hello", "--tools", &good, "--address", "127.0.0.1:1"], 3, "check that the gateway runs");
    check(&["call", &"word ".repeat(4000), "--tools", &good], 2, "the model's context");
    check(
        &["policy", "--listen", "127.0.0.1:0", "--model", "no-such-folder"],
        2,
        "no-such-folder/config.json",
    );
    check(&["serve", "--listen", "127.0.0.1:0", "--kv-bytes", "10"], 2, "--kv-bytes");
    check(&["serve", "--listen", "nowhere"], 2, "cannot listen on nowhere");
    check(&["serve", "--metrics-listen", "nowhere"], 2, "--metrics-listen");
    check(&["serve", "--metrics-listen", "192.0.2.1:9464"], 2, "cannot serve metrics on 192.0.2.1:9464");
    check(&["serve", "--listen", "127.0.0.1:0", "--device", "cuda:99"], 2, "cuda:99 was asked for");
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
