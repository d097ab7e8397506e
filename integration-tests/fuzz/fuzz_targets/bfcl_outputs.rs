//! What a model writes, judged as BFCL does: no output makes the checker panic, and equal outputs are judged
//! alike.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolbeam_eval::BfclChecker;

/// A function with parameters of every kind, and calls of it that are right.
const FUNCTIONS: &str = r#"[{"name": "f.g", "description": "", "parameters": {"type": "dict", "required": ["s"], "properties": {
    "s": {"type": "string", "description": ""}, "i": {"type": "integer", "description": ""},
    "n": {"type": "float", "description": ""}, "b": {"type": "boolean", "description": ""},
    "a": {"type": "array", "items": {"type": "string"}, "description": ""},
    "l": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "description": ""},
    "d": {"type": "dict", "properties": {"x": {"type": "integer"}}, "description": ""},
    "o": {"type": "array", "items": {"type": "dict"}, "description": ""},
    "t": {"type": "tuple", "items": {"type": "float"}, "description": ""}, "y": {"type": "any", "description": ""}}}},
    {"name": "h", "description": "", "parameters": {"type": "dict", "properties": {}, "required": []}}]"#;
const RIGHT: &str = r#"[{"f.g": {"s": ["a b", "it's"], "i": [1, ""], "n": [1.5, 2, ""], "b": [true, ""], "a": [["x", "y"], ""],
    "l": [[[1], [2, 3]], ""], "d": [{"x": [1, 2]}, ""], "o": [[{"k": ["v", ""]}, {"k": [1]}], ""], "t": [[1.0, 2.0], ""],
    "y": [null, "u", ""]}}, {"h": {}}]"#;

static CHECKERS: LazyLock<Vec<BfclChecker>> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("toolbeam-fuzz-bfcl-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("possible_answer")).expect("a folder");
    let categories = ["simple_python", "multiple", "parallel_multiple", "irrelevance", "live_relevance"];
    let checkers = categories.map(|category| {
        let file = format!("BFCL_v4_{category}.json");
        let line = |field: &str, value: &str| {
            format!(r#"{{"id": "q", "question": [[]], "{field}": {value}}}"#).replace('\n', " ")
        };
        std::fs::write(folder.join(&file), line("function", FUNCTIONS)).expect("written");
        std::fs::write(folder.join("possible_answer").join(&file), line("ground_truth", RIGHT))
            .expect("written");
        BfclChecker::open(&folder, category).expect("a category")
    });
    std::fs::remove_dir_all(&folder).expect("removed");
    checkers.into()
});

fuzz_target!(|output: &str| {
    for checker in CHECKERS.iter() {
        let verdict = checker.check("q", output).expect("the record");
        assert_eq!(checker.check("q", output), Some(verdict));
    }
});
