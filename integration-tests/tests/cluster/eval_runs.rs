//! `toolbeam eval run`, killed and continued.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::toolbeam;

#[test]
fn a_run_that_is_killed_twice_loses_and_doubles_nothing() {
    check(24, &[3, 8]);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_records_survive_two_kills() {
    check(1000, &[150, 600]);
}

/// Runs so many records, killed with SIGKILL as soon as so many have their outcome.
fn check(records: usize, kills: &[usize]) {
    let data = TempDir::new().expect("a folder");
    write_records(data.path(), records);
    let run = data.path().join("run");
    let command = || {
        let mut command = toolbeam();
        command.args(["eval", "run", "--suite", "toolalpaca", "--strategy", "greedy"]);
        command.args(["--threads", "2", "--concurrency", "4", "--data"]).arg(data.path());
        command.arg("--out").arg(&run).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    for kill in kills {
        killed_at(command(), &run, *kill);
        let lines = outcomes(&run).lines().count();
        assert!(lines >= *kill && lines < records, "{lines} of {records} records when it was killed");
    }
    let began = Instant::now();
    let output = command().output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("0 failed, {records} of {records} records done")), "{said}");
    println!("{said}\nthe last part took {:.1} s", began.elapsed().as_secs_f64());

    let text = outcomes(&run);
    let ids: Vec<String> = text.lines().map(id_of).collect();
    let distinct: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (records, records), "lost or doubled");
    println!("{} records, {} distinct", ids.len(), distinct.len());
}

/// Starts a run and kills it with SIGKILL as soon as so many records have their outcome.
fn killed_at(mut command: Command, run: &Path, kill: usize) {
    let mut child = command.spawn().expect("it runs");
    let patience = Instant::now() + Duration::from_secs(300);
    while outcomes(run).lines().count() < kill {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before {kill} records");
        assert!(Instant::now() < patience, "{kill} records take too long");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
}

fn outcomes(run: &Path) -> String {
    fs::read_to_string(run.join("results-1-of-1.jsonl")).unwrap_or_default()
}

fn id_of(line: &str) -> String {
    let outcome: Value = serde_json::from_str(line).expect("a whole line");
    outcome["id"].as_str().expect("an id").to_owned()
}

/// Records in Hammer's form, made up.
fn write_records(data: &Path, count: usize) {
    let tools = json!([{"name": "getWeather", "description": "Get the weather", "parameters": {
        "city": {"type": "string", "description": "The city", "required": true}}}]);
    let lines = (0..count).map(|index| {
        let query = format!("What is the weather in city {index}?");
        let instruction = format!(
            "[BEGIN OF AVAILABLE TOOLS]\n{tools}\n[END OF AVAILABLE TOOLS]\n\n[BEGIN OF FORMAT INSTRUCTION]\n\n\
             [END OF FORMAT INSTRUCTION]\n\n<|im_end|>\n<|im_start|>user\n{query}<|im_end|>\n"
        );
        let calls = json!([{"name": "getWeather", "arguments": {"city": format!("city {index}")}}]);
        json!({"instruction": instruction, "input": "", "output": format!("```\n{calls}\n```")}).to_string()
    });
    fs::create_dir_all(data.join("hammer")).expect("created");
    fs::write(data.join("hammer/toolalpaca.jsonl"), lines.collect::<Vec<_>>().join("\n")).expect("written");
}
