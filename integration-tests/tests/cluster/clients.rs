//! The same searches through the command line, the Rust client and the Python client.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use toolbeam_client::v1;

use crate::sandbox::{Node, serve, toolbeam};
use crate::variety::{Asked, asked};

const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn ten_searches_give_the_same_answers_through_every_client() {
    check(10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_hundred_searches_give_the_same_answers_through_every_client() {
    check(200).await;
}

#[test]
fn the_python_client_works_with_a_real_gateway() {
    let node = serve();
    let output = python("served.py", &node).output().expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "the Python client works");
}

/// Searches this often by each client in deterministic mode. Calls, rewards, log-probabilities and
/// stop reasons must be the same to the bit.
async fn check(count: usize) {
    let node = serve();
    let searches: Vec<Asked> = (0..count).map(asked).collect();
    let by_python = by_python(&node, &searches);
    let client = node.client(DEADLINE).await;
    let mut answered = 0;
    for (number, (asked, by_python)) in searches.iter().zip(&by_python).enumerate() {
        let by_rust = outcome(&client.search(asked.request()).await.expect("it answers"));
        // As text, so that the order of keys counts and 1 is not 1.0.
        let [rust, python] = [&by_rust, by_python].map(Value::to_string);
        assert_eq!(rust, python, "search {number} by the Python client: {}", asked.query);
        let cli = by_command_line(&node, asked).to_string();
        assert_eq!(rust, cli, "search {number} by the command line: {}", asked.query);
        answered += usize::from(by_rust["stop_reason"] != "NO_VALID_ANSWER");
    }
    assert!(answered * 4 >= count, "only {answered} of {count} searches have an answer to compare");
    println!("{answered} of {count} searches had a valid answer");
    println!("same answers: {} of {count}", by_python.len());
}

/// What must be the same of a response.
fn outcome(response: &v1::SearchResponse) -> Value {
    let answers = response.answers.iter().map(|answer| {
        let calls = answer.calls.iter().map(|call| {
            let arguments: Value = serde_json::from_str(&call.arguments).expect("arguments are JSON");
            json!({ "name": call.name, "arguments": arguments })
        });
        json!({
            "calls": calls.collect::<Value>(),
            "reward": answer.reward,
            "rewards": answer.steps.iter().map(|step| step.reward).collect::<Vec<_>>(),
            "log_probability": answer.log_probability,
        })
    });
    let stop_reason = response.stop_reason().as_str_name().trim_start_matches("STOP_REASON_");
    json!({ "stop_reason": stop_reason, "answers": answers.collect::<Value>() })
}

fn by_command_line(node: &Node, asked: &Asked) -> Value {
    let mut tools = tempfile::NamedTempFile::new().expect("a temporary file");
    write!(tools, "{}", asked.tools).expect("it is written");
    let mut command = toolbeam();
    command.args(["call", "--address", &node.address, "--tools"]).arg(tools.path());
    let output = command.args(asked.arguments()).output().expect("it runs");
    let printed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let answers = printed["answers"].as_array().expect("a list").iter().map(|answer| {
        let steps = answer["steps"].as_array().expect("a list");
        json!({
            "calls": answer["calls"],
            "reward": answer["reward"],
            "rewards": steps.iter().map(|step| step["reward"].clone()).collect::<Value>(),
            "log_probability": answer["log_probability"],
        })
    });
    json!({ "stop_reason": printed["stop_reason"], "answers": answers.collect::<Value>() })
}

fn by_python(node: &Node, searches: &[Asked]) -> Vec<Value> {
    let mut child = python("search.py", node).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.as_mut().expect("the interpreter starts");
    let mut input = child.stdin.take().expect("it is piped");
    let lines: Vec<String> = searches.iter().map(Asked::line).collect();
    // A thread of its own: both pipes may be full.
    let writing = std::thread::spawn(move || writeln!(input, "{}", lines.join("\n")));
    let output = std::io::read_to_string(child.stdout.take().expect("it is piped")).expect("text");
    assert!(child.wait().expect("it ends").success(), "its error is above");
    writing.join().expect("no panic").expect("all of it was read");
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A script of the folder `python`, in the environment that the Python client is tested in.
fn python(script: &str, node: &Node) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter: PathBuf = here.join("../target/python/bin/python");
    assert!(interpreter.is_file(), "{} is missing: run `cargo xtask setup`", interpreter.display());
    let mut command = Command::new(interpreter);
    command.arg(here.join("python").join(script)).arg(&node.address);
    command
}
