//! `toolbeam dataset` through the real binary: from sources to files for other trainers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolbeam_dataset::{Manifest, PartReader, Rollouts};

fn dataset(folder: &Path, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolbeam"));
    command.current_dir(folder).arg("dataset").args(args.split(' ')).output().expect("it runs")
}

/// What a command that succeeds prints.
fn done(folder: &Path, args: &str) -> String {
    let output = dataset(folder, args);
    assert!(output.status.success(), "{args}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Six prompts in xLAM's form, one of them longer than the reference policy's context.
fn write_prompts(folder: &Path) {
    let tools = json!([{"name": "get_weather", "description": "Get the weather of a city", "parameters": {
        "city": {"type": "str", "description": "The city"}}}]);
    let line = |number: usize| {
        let words = if number == 4 { "please ".repeat(3000) } else { String::new() };
        let query = format!("{words}What is the weather in city number {number}?");
        let answers = json!([{"name": "get_weather", "arguments": {"city": format!("city {number}")}}]);
        json!({"id": number, "query": query, "tools": tools, "answers": answers}).to_string()
    };
    fs::write(folder.join("xlam.jsonl"), (0..6).map(line).collect::<Vec<_>>().join("\n")).expect("written");
}

/// An evaluation set that asks what the third prompt asks.
fn write_evaluation(folder: &Path) {
    let instruction = "[BEGIN OF AVAILABLE TOOLS]\n[]\n[END OF AVAILABLE TOOLS]\n\n[END OF FORMAT INSTRUCTION]\n\n\
                       <|im_end|>\n<|im_start|>user\nWhat is the weather in city number 2?<|im_end|>\n";
    let line = json!({"instruction": instruction, "input": "", "output": "[]"}).to_string();
    fs::create_dir_all(folder.join("evaluation/hammer")).expect("created");
    fs::write(folder.join("evaluation/hammer/toolalpaca.jsonl"), line).expect("written");
}

const BUILD: &str = "build --xlam xlam.jsonl --mask-rate 0.3 --seed 1 --part-size 4 --out prompts";
const ROLLOUT: &str =
    "rollout --examples prompts --samples 2 --seed 1 --deterministic --max-tokens 40 --device cpu";

#[test]
fn prompts_become_labelled_answers_and_the_same_seed_gives_the_same_bytes() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    write_prompts(path);
    assert!(done(path, BUILD).contains("2 of 2 parts, 6 lines, digest "));

    let said = done(path, &format!("{ROLLOUT} --threads 1 --out rollouts"));
    assert!(said.contains("failed: xlam-4: ") && said.contains("2 of 2 parts, 5 lines"), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(last.starts_with("10 rollouts in ") && last.ends_with(" per minute"), "{last}");
    done(path, &format!("{ROLLOUT} --threads 1 --concurrency 2 --shard 2/2 --out again"));
    let second = |folder: &str| fs::read(path.join(folder).join("part-00001.jsonl.gz")).expect("a part");
    assert!(second("rollouts") == second("again"), "other bytes");
    let read = PartReader::<Rollouts>::open(&path.join("rollouts")).expect("parts");
    let read: Vec<Rollouts> = read.map(|line| line.expect("a line")).collect();
    assert_eq!(read.len(), 5);
    for rollouts in &read {
        assert_eq!(rollouts.samples.iter().map(|sample| sample.count).sum::<u32>(), 2);
        assert!(rollouts.samples.iter().all(|sample| sample.log_probability < 0.0), "{rollouts:?}");
    }
    let manifest = Manifest::read(&path.join("rollouts")).expect("it is complete");
    assert_eq!(manifest.contents.number("prompts", "refused"), 1);
    assert_eq!(manifest.made["settings"]["policy"]["name"], "toolbeam-reference-policy");

    done(path, "annotate --rollouts rollouts --corruptions 2 --most 4 --seed 3 --out labelled");
    let table = done(path, "statistics labelled --json statistics.json");
    assert!(table.starts_with("| | + | - | all | + % |\n"), "{table}");
    let statistics: Value =
        serde_json::from_slice(&fs::read(path.join("statistics.json")).expect("a file")).expect("JSON");
    assert_eq!(statistics["prompts"], 5);
    assert!(statistics["trajectories"]["positive"].as_u64() >= Some(5), "{statistics}");
    assert!(statistics["origins"]["corruption"]["negative"].as_u64() > Some(0), "{statistics}");
    done(path, "export --format trl --kind prm --set labelled --out prm.jsonl");
    let lines = fs::read_to_string(path.join("prm.jsonl")).expect("a file").lines().count() as u64;
    let trajectories = &statistics["trajectories"];
    let all = trajectories["positive"].as_u64().zip(trajectories["negative"].as_u64());
    assert_eq!(Some(lines), all.map(|(positive, negative)| positive + negative));
}

#[test]
fn what_evaluation_asks_is_refused_and_what_is_wrong_is_said() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    write_prompts(path);
    write_evaluation(path);
    let check = |args: &str, code: i32, expected: &str| {
        let output = dataset(path, args);
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.code() == Some(code) && said.contains(expected), "{args}: {output:?}");
    };
    check(&format!("{BUILD} --evaluation evaluation"), 2, "xlam-2, the first of 1, shares a query");
    check(&format!("{BUILD} --evaluation evaluation --drop-shared"), 0, "left out: 1 that share a query");
    check("gate --set prompts --evaluation evaluation", 0, "0 of 5 prompts");
    check(BUILD, 2, "is of other settings");
    done(path, &BUILD.replace("--out prompts", "--out all"));
    check("gate --set all --evaluation evaluation", 1, "xlam-2");
    done(path, &BUILD.replace("--out prompts", "--shard 1/2 --out half"));
    check("rollout --examples half --seed 1 --out rollouts", 2, "half has no manifest.json");
    check("annotate --rollouts prompts --out labelled", 2, "prompts was not made by dataset rollout");
    check("rollout --examples prompts --seed 1 --policy 127.0.0.1:1 --out rollouts", 3, "cannot connect");
    check("rollout --examples prompts --seed 1 --temperature=-1 --out rollouts", 2, "--temperature");
    check("build --mask-rate 2 --seed 1 --out other", 2, "--mask-rate");
    check("build --mask-rate 0 --seed 1 --out other", 2, "no prompt to write");
}
