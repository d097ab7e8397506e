//! Which crate of the workspace may depend on which: the design's arrows, read from `cargo metadata`.
//!
//! A crate is named by its folder. A new crate needs a row in [`ARROWS`]; a new arrow is a decision
//! about the architecture and is made there.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Every crate, and the crates that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("xtask", &[]),
    ("proto", &[]),
    ("engine/grammar", &[]),
    ("engine/search", &["engine/grammar"]),
    ("engine/actors", &["engine/search", "engine/grammar"]),
    ("models/lm", &[]),
    ("models/reward", &["models/lm", "engine/grammar"]),
    ("models/reference", &[]),
    ("lab/dataset", &["engine/grammar", "clients/rust"]),
    ("lab/train", &["models/reward", "models/lm", "lab/dataset"]),
    ("lab/eval", &["engine/grammar", "clients/rust"]),
    ("services/serve", &["proto"]),
    ("services/policy", &["services/serve", "proto", "models/lm", "engine/grammar"]),
    ("services/scorer", &["services/serve", "proto", "models/reward", "models/lm", "engine/grammar"]),
    ("services/gateway", &["services/serve", "proto", "engine/actors", "engine/search", "engine/grammar"]),
    (
        "services/cli",
        &[
            "services/gateway",
            "services/policy",
            "services/scorer",
            "services/serve",
            "clients/rust",
            "lab/dataset",
            "lab/train",
            "lab/eval",
            "models/lm",
            "models/reference",
            "models/reward",
        ],
    ),
    ("clients/rust", &["proto"]),
    ("benches/load", &["clients/rust", "lab/eval"]),
    ("integration-tests", &["*"]),
];

/// What tests may depend on beside their crate's arrows; not those of the crates that stay pure.
const TEST_ARROWS: &[&str] = &["models/reference", "models/lm", "proto"];
const PURE: &[&str] = &["xtask", "proto", "engine/grammar", "engine/search", "engine/actors"];

/// Crates that may not use an outside crate or one of its family (`tokio` and `tokio-*`), not even
/// in tests.
const FORBIDDEN: &[(&[&str], &[&str])] = &[
    (
        &["engine/grammar", "engine/search", "engine/actors"],
        &["tonic", "prost", "tch", "torch-sys", "metrics"],
    ),
    (&["engine/grammar", "engine/search"], &["tokio", "actix"]),
    (&["models/lm"], &["tonic", "actix", "metrics-exporter"]),
    (&["xtask"], &["tch", "torch-sys"]),
];

/// The only crate that may use actix.
const ACTIX: &str = "engine/actors";

#[test]
fn the_workspace_has_no_forbidden_arrow() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice(&output.stdout).unwrap();
    let dependencies = dependencies(&metadata);
    assert!(!dependencies.is_empty(), "cargo metadata names no dependency at all");
    let violations = violations(&dependencies);
    assert!(violations.is_empty(), "forbidden dependencies:\n{}", violations.join("\n"));
}

#[test]
fn arrows_of_the_design_are_allowed() {
    let allowed = [
        ("services/cli", "services/gateway"),
        ("services/cli", "models/reference"),
        ("services/gateway", "engine/actors"),
        ("engine/actors", "engine/search"),
        ("engine/actors", "actix (outside)"),
        ("engine/actors", "tokio (outside)"),
        ("engine/search", "engine/grammar"),
        ("models/lm", "tch (outside)"),
        ("models/lm", "metrics (outside)"),
        ("models/lm", "models/reference (dev)"),
        ("services/policy", "models/reference (dev)"),
        ("lab/train", "models/lm"),
        ("integration-tests", "services/cli"),
    ];
    for (from, to) in allowed {
        check(from, to, true);
    }
}

#[test]
fn forbidden_arrows_are_found() {
    let forbidden = [
        ("engine/actors", "proto"),
        ("engine/actors", "proto (dev)"),
        ("engine/search", "models/lm"),
        ("engine/grammar", "engine/search"),
        ("engine/grammar", "tokio-util (outside)"),
        ("engine/search", "actix (outside)"),
        ("engine/search", "tokio (outside) (dev)"),
        ("engine/actors", "tonic (outside)"),
        ("engine/actors", "prost-types (outside)"),
        ("engine/grammar", "tch (outside)"),
        ("services/gateway", "actix (outside)"),
        ("integration-tests", "actix-rt (outside)"),
        ("models/lm", "tonic (outside)"),
        ("models/lm", "metrics-exporter-prometheus (outside)"),
        ("engine/actors", "metrics (outside)"),
        ("models/lm", "engine/grammar"),
        ("models/lm", "engine/grammar (dev)"),
        ("proto", "engine/grammar"),
        ("services/policy", "services/scorer"),
        ("services/policy", "models/reference"),
        ("services/scorer", "models/reference"),
        ("clients/rust", "services/cli"),
        ("clients/rust", "services/cli (dev)"),
        ("xtask", "engine/grammar"),
        ("xtask", "torch-sys (outside)"),
        ("a/new-crate", "engine/grammar"),
        ("services/cli", "a/new-crate"),
    ];
    for (from, to) in forbidden {
        check(from, to, false);
    }
}

/// Judges one arrow as `cargo metadata` would show it.
#[track_caller]
fn check(from: &str, to: &str, allowed: bool) {
    let (to, kind) = match to.strip_suffix(" (dev)") {
        Some(to) => (to, json!("dev")),
        None => (to, Value::Null),
    };
    let dependency = match to.strip_suffix(" (outside)") {
        Some(name) => json!({ "name": name, "kind": kind }),
        None => json!({ "name": "renamed", "kind": kind, "path": format!("/root/{to}") }),
    };
    let manifest = format!("/root/{from}/Cargo.toml");
    let metadata = json!({
        "workspace_root": "/root",
        "packages": [{ "manifest_path": manifest, "dependencies": [dependency] }],
    });
    let found = violations(&dependencies(&metadata));
    assert_eq!(found.is_empty(), allowed, "{from} -> {to}: {found:?}");
}

/// One arrow as it stands in a manifest.
struct Dependency {
    from: String,
    to: Target,
    is_dev: bool,
}

enum Target {
    /// A crate of the workspace, by its folder.
    Workspace(String),
    /// Any other crate, by its name.
    Outside(String),
}

/// Every dependency of every package, optional and platform-specific ones included.
fn dependencies(metadata: &Value) -> Vec<Dependency> {
    let root = Path::new(metadata["workspace_root"].as_str().unwrap());
    let folder = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = match dependency["path"].as_str() {
                Some(path) => Target::Workspace(folder(Path::new(path))),
                None => Target::Outside(dependency["name"].as_str().unwrap().to_owned()),
            };
            let from = folder(manifest.parent().unwrap());
            found.push(Dependency { from, to, is_dev: dependency["kind"] == "dev" });
        }
    }
    found
}

/// The dependencies that break a rule, in words.
fn violations(dependencies: &[Dependency]) -> Vec<String> {
    dependencies.iter().filter_map(violation).collect()
}

fn violation(dependency: &Dependency) -> Option<String> {
    let from = dependency.from.as_str();
    let Some((_, arrows)) = ARROWS.iter().find(|(folder, _)| *folder == from) else {
        return Some(format!("{from} has no row in ARROWS"));
    };
    let (to, allowed) = match &dependency.to {
        Target::Workspace(to) => {
            let is_test_arrow =
                dependency.is_dev && TEST_ARROWS.contains(&to.as_str()) && !PURE.contains(&from);
            (to, arrows.contains(&"*") || arrows.contains(&to.as_str()) || is_test_arrow)
        }
        Target::Outside(to) => {
            let is_forbidden = FORBIDDEN.iter().any(|(folders, names)| {
                folders.contains(&from) && names.iter().any(|name| is_family(to, name))
            });
            (to, !is_forbidden && (from == ACTIX || !is_family(to, "actix")))
        }
    };
    (!allowed).then(|| format!("{from} -> {to}"))
}

fn is_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
