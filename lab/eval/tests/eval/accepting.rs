//! Which answers are right.

use toolbeam_eval::{Gold, Record};
use toolbeam_grammar::Layout;

use crate::{load_seal, one_bfcl, seal_query};

/// How an answer should be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Exact,
    AsText,
    Wrong,
}
use Want::{AsText, Exact, Wrong};

fn check(gold: &Gold, answer: &str, want: Want) {
    let calls = toolbeam_grammar::parse_calls(Layout::JsonList, answer).expect("an answer");
    let judged = (gold.accepts(&calls), gold.accepts_as_text(&calls));
    let wanted = match want {
        Exact => (true, true),
        AsText => (false, true),
        Wrong => (false, false),
    };
    assert_eq!(judged, wanted, "{answer}");
}

/// Judges one call of BFCL's function with each of these arguments.
fn check_bfcl(record: &Record, table: &[(&str, Want)]) {
    for (arguments, want) in table {
        check(&record.gold, &format!(r#"[{{"name": "lib.f", "arguments": {arguments}}}]"#), *want);
    }
}

#[test]
fn bfcl_lists_the_values_of_each_argument() {
    let record = one_bfcl(
        r#"{"type": "dict", "properties": {"n": {"type": "integer"}, "x": {"type": "float"},
            "unit": {"type": "string"}, "must": {"type": "boolean"}, "limit": {"type": "integer"}},
            "required": ["n", "x", "must"]}"#,
        r#"{"n": [5, 6], "x": [2.0, 3], "unit": ["m", ""], "must": [true, ""], "limit": ["", 9]}"#,
    );
    check_bfcl(
        &record,
        &[
            (r#"{"n": 5, "x": 2.0, "must": true}"#, Exact),
            (r#"{"must": true, "x": 3.0, "unit": "m", "n": 6, "limit": 9}"#, Exact),
            // An integer is the float it equals, but a float is no integer.
            (r#"{"n": 5, "x": 2, "must": true}"#, Exact),
            (r#"{"n": 5.0, "x": 2.0, "must": true}"#, Wrong),
            (r#"{"n": 5, "x": 4, "must": true}"#, Wrong),
            (r#"{"n": "5", "x": 2.0, "must": "true"}"#, AsText),
            (r#"{"n": 7, "x": 2.0, "must": true}"#, Wrong),
            // Strings are compared as they are.
            (r#"{"n": 5, "x": 2.0, "must": true, "unit": "M"}"#, Wrong),
            // What may be left out, and what may be empty.
            (r#"{"x": 2.0, "must": true}"#, Wrong),
            (r#"{"n": 5, "x": 2.0}"#, Wrong),
            (r#"{"n": 5, "x": 2.0, "must": true, "unit": ""}"#, Exact),
            (r#"{"n": 5, "x": 2.0, "must": true, "limit": ""}"#, Wrong),
            (r#"{"n": 5, "x": 2.0, "must": true, "other": 1}"#, Wrong),
        ],
    );
    let right = r#"{"name": "lib.f", "arguments": {"n": 5, "x": 2.0, "must": true}}"#;
    check(&record.gold, &format!("[{right}, {right}]"), Wrong);
    check(&record.gold, "[]", Wrong);
    check(&record.gold, &format!("[{}]", right.replace("lib.f", "f")), Wrong);
}

#[test]
fn bfcl_lists_values_inside_objects_too() {
    let record = one_bfcl(
        r#"{"type": "dict", "properties": {
            "area": {"type": "dict", "properties": {"w": {"type": "integer"}, "d": {"type": "float"}}},
            "rules": {"type": "array", "items": {"type": "dict", "properties": {"k": {"type": "string"}}}},
            "grid": {"type": "array", "items": {"type": "array", "items": {"type": "float"}}}}}"#,
        r#"{"area": [{"w": [20, 21], "d": [1.5, ""]}], "rules": ["", [{"k": ["a"]}, {"k": ["b", "c"]}]],
            "grid": ["", [[1.0], [2.0]]]}"#,
    );
    check_bfcl(
        &record,
        &[
            (r#"{"area": {"w": 20}}"#, Exact),
            (r#"{"area": {"d": 1.5, "w": 21}, "rules": [{"k": "a"}, {"k": "c"}]}"#, Exact),
            (r#"{"area": {"w": "20"}}"#, AsText),
            (r#"{"area": {"w": [20, 21]}}"#, Wrong),
            (r#"{"area": {"w": 20, "h": 1}}"#, Wrong),
            (r#"{"area": {"d": 1.5}}"#, Wrong),
            (r#"{"area": 20}"#, Wrong),
            (r#"{"area": {"w": 20}, "rules": [{"k": "b"}, {"k": "a"}]}"#, Wrong),
            (r#"{"area": {"w": 20}, "rules": [{"k": "a"}]}"#, Wrong),
            (r#"{"area": {"w": 20}, "rules": {"k": "a"}}"#, Wrong),
            (r#"{"area": {"w": 20}, "grid": [[1.0], [2.0]]}"#, Exact),
            // Inside a plain array, 1 is not 1.0.
            (r#"{"area": {"w": 20}, "grid": [[1], [2.0]]}"#, Wrong),
        ],
    );
}

#[test]
fn seal_tools_names_the_calls() {
    let gold =
        |calls: &[(&str, &str)]| load_seal(&[seal_query("r", "q", calls)]).expect("loads").remove(0).gold;
    let two =
        gold(&[("a", r#"{"size": "85", "kind": "x"}"#), ("b", r#"{"size": 0.0, "kind": [1, {"k": null}]}"#)]);
    let call_a = r#"{"name": "a", "arguments": {"kind": "x", "size": "85"}}"#;
    let call_b = r#"{"name": "b", "arguments": {"size": 0.0, "kind": [1, {"k": null}]}}"#;
    for (answer, want) in [
        (format!("[{call_a}, {call_b}]"), Exact),
        (format!("[{call_b}, {call_a}]"), Exact),
        (format!("[{call_b}, {}]", call_a.replace("\"85\"", "85")), AsText),
        (format!("[{call_b}, {}]", call_a.replace("\"85\"", "85.0")), Wrong),
        (format!("[{}, {call_a}]", call_b.replace("[1", "[\"1\"").replace("null", "\"null\"")), AsText),
        (format!("[{}, {call_a}]", call_b.replace("0.0", "-0.0")), Exact),
        (format!("[{call_a}, {call_a}]"), Wrong),
        (format!("[{call_a}, {call_b}, {call_b}]"), Wrong),
        (format!("[{call_a}]"), Wrong),
        (format!("[{call_b}, {}]", call_a.replace("\"x\"", "\"y\"")), Wrong),
        (format!("[{call_b}, {}]", call_a.replace(", \"size\": \"85\"", "")), Wrong),
        (format!("[{call_b}, {}]", call_a.replace("\"a\"", "\"c\"")), Wrong),
    ] {
        check(&two, &answer, want);
    }
    let twice = gold(&[("a", "{}"), ("a", "{}")]);
    let empty = r#"{"name": "a", "arguments": {}}"#;
    check(&twice, &format!("[{empty}, {empty}]"), Exact);
    check(&twice, &format!("[{empty}]"), Wrong);
}
