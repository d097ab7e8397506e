//! Every subcommand explains itself.

use std::process::Command;

#[test]
fn every_subcommand_and_every_flag_has_help() {
    let help = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_toolbeam")).args(args).output().expect("it runs");
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).expect("help is text")
    };
    let overview = help(&["--help"]);
    for role in ["serve", "policy", "scorer", "gateway", "call", "demo", "eval", "bench", "models"] {
        assert!(
            overview.lines().any(|line| line.trim_start().starts_with(role)),
            "{role} is not in {overview}"
        );
        let text = help(&[role, "-h"]);
        for flag in text.lines().filter(|line| line.trim_start().starts_with("--")) {
            // Flags whose help does not fit beside them have it on the next line, further in.
            let described = flag.trim().split("  ").count() > 1;
            let position = text.find(flag).unwrap_or_default() + flag.len();
            let next = text[position..].lines().nth(1).unwrap_or_default();
            assert!(described || next.starts_with("          "), "{role}: {flag:?} has no help");
        }
    }
}
