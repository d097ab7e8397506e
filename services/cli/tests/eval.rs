//! `toolbeam eval` and `toolbeam dataset filter` through the real binary: what is made of stored answers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolbeam_dataset::{Example, Manifest, PartReader, Rollouts};

fn toolbeam(folder: &Path, args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolbeam"));
    command.current_dir(folder).args(args.split(' ')).output().expect("it runs")
}

/// What a command that succeeds prints.
fn done(folder: &Path, args: &str) -> String {
    let output = toolbeam(folder, args);
    assert!(output.status.success(), "{args}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// That a command is refused with these words.
fn refused(folder: &Path, args: &str, expected: &str) {
    let output = toolbeam(folder, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains(expected), "{args}: {output:?}");
}

/// Six prompts in xLAM's form about one of two tools.
fn write_prompts(folder: &Path) {
    let tools = json!([
        {"name": "get_weather", "description": "Get the weather of a city", "parameters": {
            "city": {"type": "str", "description": "The name of the city"}}},
        {"name": "get_time", "description": "Get the time", "parameters": {
            "place": {"type": "str", "description": "The place"}}}]);
    let line = |number: usize| {
        let answers = json!([{"name": "get_weather", "arguments": {"city": format!("city {number}")}}]);
        let query = format!("What is the weather in city number {number}?");
        json!({"id": number, "query": query, "tools": tools, "answers": answers}).to_string()
    };
    fs::write(folder.join("xlam.jsonl"), (0..6).map(line).collect::<Vec<_>>().join("\n")).expect("written");
}

/// A folder of rollouts by the reference policy, hot enough for wrong answers.
fn rollouts() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    write_prompts(folder.path());
    done(folder.path(), "dataset build --xlam xlam.jsonl --mask-rate 0 --seed 1 --part-size 4 --out prompts");
    let rollout = "dataset rollout --examples prompts --samples 4 --temperature 1.5 --seed 1 --deterministic \
                   --max-tokens 64 --device cpu --threads 1 --out rollouts";
    done(folder.path(), rollout);
    folder
}

#[test]
fn stored_answers_are_chosen_among_paired_and_filtered() {
    let folder = rollouts();
    let path = folder.path();
    let scorer = "--device cpu --threads 1";

    let choose = format!("eval best-of-n --rollouts rollouts --out best.json {scorer}");
    refused(path, &choose, "has 4 samples, 16 are to be drawn; give smaller sizes");
    let table = done(path, &format!("{choose} --sizes 1,4"));
    assert!(table.lines().last().expect("a line").starts_with("| 4 | "), "{table}");
    let report: Value =
        serde_json::from_slice(&fs::read(path.join("best.json")).expect("a file")).expect("JSON");
    assert_eq!((&report["prompts"], &report["sizes"][1]["size"]), (&json!(6), &json!(4)));
    for way in ["best", "majority", "oracle"] {
        let one = report["sizes"][0][way]["mean"].as_f64().expect("a share");
        let single = report["single"]["mean"].as_f64().expect("a share");
        assert!((one - single).abs() < 1e-9, "{way}: {report}");
    }

    let pairs = |flags: &str| {
        let said = done(path, &format!("eval pairs --rollouts rollouts --out pairs.jsonl{flags}"));
        (said, fs::read_to_string(path.join("pairs.jsonl")).expect("a file"))
    };
    let (said, plain) = pairs("");
    assert!(plain.contains("get_weather") && plain.lines().count() > 1, "{said} {plain}");
    // Samples that are there already add nothing.
    assert_eq!(pairs(" --rollouts rollouts").1, plain);
    let (_, masked) = pairs(" --mask --shuffle-keys --seed 2");
    assert_eq!((masked.lines().count(), masked.contains("get_weather")), (plain.lines().count(), false));
    assert_eq!(pairs(" --mask --shuffle-keys --seed 2").1, masked);
    assert_ne!(pairs(" --mask --shuffle-keys --seed 3").1, masked);
    refused(path, "eval pairs --out pairs.jsonl", "the following required arguments were not provided");

    let filter = format!("dataset filter --set rollouts --deterministic {scorer}");
    refused(path, &format!("{filter} --out none"), "--keep");
    refused(path, &format!("{filter} --keep 2 --out none"), "write a number from 0 to 1");
    let said = done(path, &format!("{filter} --keep 0.5 --out kept"));
    assert!(said.contains("2 of 2 parts"), "{said}");
    let manifest = Manifest::read(&path.join("kept")).expect("it is complete");
    let (kept, below) =
        (manifest.contents.number("prompts", "kept"), manifest.contents.number("prompts", "below"));
    assert!(kept > 0 && kept == (kept + below).div_ceil(2), "{manifest:?}");
    assert_eq!(manifest.made["settings"]["kept"], kept);
    let lines = PartReader::<Example>::open(&path.join("kept")).expect("parts");
    let examples: Vec<Example> = lines.map(|line| line.expect("an example")).collect();
    assert_eq!(examples.len() as u64, kept);
    let sampled = PartReader::<Rollouts>::open(&path.join("rollouts")).expect("parts");
    let sampled: Vec<Rollouts> = sampled.map(|line| line.expect("a line")).collect();
    for example in &examples {
        let own = sampled.iter().find(|rollouts| rollouts.prompt.id == example.id).expect("the prompt");
        for answer in &example.answers {
            assert!(own.samples.iter().any(|sample| sample.text.contains(&answer.name)), "{example:?}");
        }
    }
    done(path, &format!("{filter} --keep 0.5 --out again"));
    assert_eq!(Manifest::read(&path.join("again")).expect("complete").digest(), manifest.digest());
    refused(path, &format!("{filter} --at-least 0.5 --out kept"), "is of other settings");
    refused(path, &format!("dataset filter --set prompts --keep 1 --out none {scorer}"), "holds no answers");
}

#[test]
fn runs_of_other_noise_are_other_runs_of_the_same_records() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let samples = format!("{}/../../models/reference/samples/mixed.jsonl", env!("CARGO_MANIFEST_DIR"));
    let run = |out: &str, noise: &str| {
        format!(
            "eval run --suite jsonl --data {samples} --strategy greedy --limit 2 --device cpu --threads 1 \
             --out {out}{noise}"
        )
    };
    done(path, &run("plain", ""));
    let said = done(path, &run("noisy", " --noise rename,shuffle-tools,distractors --distractors 1"));
    assert!(said.starts_with("| jsonl, distractors=1+rename+shuffle-tools | right |"), "{said}");
    refused(path, &run("plain", " --noise truncate"), "another `noise`");
    refused(path, &run("noisy", ""), "another `noise`");
    refused(path, &run("other", " --noise-seed 3"), "--noise");
    let report = done(path, "report plain noisy");
    assert!(report.contains("| greedy, distractors=1+rename+shuffle-tools | 2 |"), "{report}");
    let pairs = done(path, &format!("eval pairs noisy --data {samples} --out pairs.jsonl"));
    assert!(pairs.contains(" pairs of "), "{pairs}");
}
