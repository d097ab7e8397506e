//! `toolbeam bench` through the real binary.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolbeam"));
    command.args(["bench", "--device", "cpu", "--threads", "1"]).args(args).output().expect("it runs")
}

#[test]
fn every_case_says_how_many_tokens_were_computed() {
    let check = |case: &str, args: &[&str], full: u64, sizes: &str| {
        let args = [&["--case", case, "--runs", "2"], args].concat();
        let output = bench(&[&args[..], &["--json"]].concat());
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        assert_eq!((&report["case"], &report["full_tokens"]), (&case.into(), &full.into()), "{report}");
        let runs = report["runs"].as_array().expect("a list");
        assert_eq!(runs.len(), 2, "{report}");
        for run in runs {
            // A sequence may end early, but not before its first token.
            let tokens = run["tokens"].as_u64().expect("a number");
            assert!((1..=full).contains(&tokens), "{report}");
            let speed = run["tokens_per_second"].as_f64().expect("a number");
            let seconds = run["seconds"].as_f64().expect("a number");
            assert!((speed * seconds - tokens as f64).abs() < 1e-3, "{report}");
        }
        let person = String::from_utf8(bench(&args).stdout).expect("text");
        assert!(person.contains(sizes) && person.contains("\nrun 2: "), "{person}");
    };
    check("decode", &["--batch", "3", "--tokens", "4"], 12, "3 prompts of 16 tokens, each continued by 4");
    let shared = "2 sequences behind one prompt of 40 tokens, 4 tokens each";
    check("shared-prompt", &["--batch", "2", "--prompt-tokens", "40", "--tokens", "4"], 8, shared);
    check("prefill", &["--prompt-tokens", "3"], 3, "1 prompts of 3 tokens, read");
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let check = |args: &[&str], code: i32, expected: &str| {
        let output = bench(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.starts_with("toolbeam: ") && error.contains(expected), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(output.stdout.is_empty(), "{args:?}");
    };
    check(&[], 2, "--case <CASE>");
    check(&["--case", "speed"], 2, "decode, shared-prompt, prefill");
    check(&["--case", "prefill", "--prompt-tokens", "2"], 2, "--prompt-tokens");
    check(&["--case", "prefill", "--prompt-tokens", "2049"], 2, "2048");
    check(&["--case", "decode", "--runs", "0"], 2, "--runs");
    check(&["--case", "shared-prompt", "--batch", "9000"], 2, "--batch is 9000, but only 8184 tokens differ");
    check(&["--case", "decode", "--model", "no-such-folder"], 2, "no-such-folder/config.json");
}
