//! BFCL's checker: what it takes, and why it takes nothing else.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use toolbeam_eval::{BfclChecker, EvalError, compare_verdicts};

const WRONG_FORMAT: &str = "ast_decoder:decoder_wrong_output_format";

/// A folder with one category of one question.
fn folder(category: &str, functions: &str, right: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("possible_answer")).expect("a folder");
    let file = format!("BFCL_v4_{category}.json");
    let question = format!(r#"{{"id": "q", "question": [[]], "function": {functions}}}"#);
    fs::write(folder.path().join(&file), question).expect("written");
    let answer = format!(r#"{{"id": "q", "ground_truth": {right}}}"#);
    fs::write(folder.path().join("possible_answer").join(&file), answer).expect("written");
    folder
}

/// Judges outputs, each with what is wrong with it.
fn judge(category: &str, functions: &str, right: &str, outputs: &[(&str, Option<&str>)]) {
    let folder = folder(category, functions, right);
    let checker = BfclChecker::open(folder.path(), category).expect("the category");
    for (output, expected) in outputs {
        let verdict = checker.check("q", output).expect("the record");
        assert_eq!(verdict.error_type, *expected, "{output}");
        assert_eq!(verdict.is_valid(), expected.is_none());
    }
    assert!(checker.check("another", "[]").is_none());
}

/// A function `f` of one parameter `x`, which is not required.
fn function(declaration: &str) -> String {
    format!(r#"[{{"name": "f", "parameters": {{"properties": {{"x": {declaration}}}, "required": []}}}}]"#)
}

/// Judges values of `x`.
fn values(declaration: &str, options: &str, values: &[(&str, Option<&str>)]) {
    let outputs: Vec<(String, Option<&str>)> = values
        .iter()
        .map(|(value, expected)| (format!(r#"[{{"name": "f", "arguments": {{"x": {value}}}}}]"#), *expected))
        .collect();
    let outputs: Vec<_> = outputs.iter().map(|(output, expected)| (output.as_str(), *expected)).collect();
    judge("simple_python", &function(declaration), &format!(r#"[{{"f": {{"x": {options}}}}}]"#), &outputs);
}

#[test]
fn texts_are_decoded_as_the_handler_does() {
    let call = r#"[{"name": "f", "arguments": {"x": 1}}]"#;
    let failed = Some("ast_decoder:decoder_failed");
    let fenced = format!("```\n{call}\n```");
    let named = format!("```json\n{call}\n```");
    let outputs = [
        (call, None),
        (fenced.as_str(), None),
        (named.as_str(), Some(WRONG_FORMAT)),
        ("I cannot help.", Some(WRONG_FORMAT)),
        ("[]", Some(WRONG_FORMAT)),
        ("\"\"", Some(WRONG_FORMAT)),
        ("{}", Some(WRONG_FORMAT)),
        ("null", failed),
        ("7", failed),
        ("\"text\"", failed),
        (r#"{"name": "f", "arguments": {"x": 1}}"#, failed),
        (r#"[{"name": "f"}]"#, failed),
        (r#"[["name", "arguments"]]"#, failed),
        (r#"[{"name": ["f"], "arguments": {"x": 1}}]"#, failed),
        (r#"[{"name": "f", "arguments": [1]}]"#, Some(WRONG_FORMAT)),
        (r#"[{"name": 5, "arguments": {"x": 1}}]"#, Some("simple_function_checker:wrong_func_name")),
    ];
    judge("simple_python", &function(r#"{"type": "integer"}"#), r#"[{"f": {"x": [1]}}]"#, &outputs);
}

#[test]
fn numbers_have_their_declared_type() {
    let simple = Some("type_error:simple");
    let others = Some("value_error:others");
    values(
        r#"{"type": "integer"}"#,
        "[1]",
        &[("1", None), ("2", others), ("1.0", simple), ("true", simple), ("\"1\"", simple)],
    );
    // An integer passes for a float, and a right integer is one that a float equals.
    let huge = format!("1{}", "0".repeat(400));
    values(
        r#"{"type": "float"}"#,
        "[5, 0.5]",
        &[("5", None), ("5.0", None), ("0.5", None), ("6", others), ("NaN", others), (&huge, Some("crash"))],
    );
    values(r#"{"type": "boolean"}"#, "[true]", &[("true", None), ("1", simple), ("false", others)]);
    // What the right values are, if not of the declared type, is taken for a variable.
    values(r#"{"type": "integer"}"#, "[\"n\"]", &[("\"n\"", None), ("\"N\"", others), ("1", others)]);
    values(r#"{"type": "any"}"#, "[3]", &[("3", None), ("4", others), ("\"3\"", others), ("3.0", simple)]);
    values(r#"{"type": "number"}"#, "[3]", &[("3", Some("crash"))]);
}

#[test]
fn strings_are_compared_without_case_spaces_and_some_punctuation() {
    let wrong = Some("value_error:string");
    values(
        r#"{"type": "string"}"#,
        r#"["April 1, 2024", "it's", ""]"#,
        &[
            ("\"april 1 2024\"", None),
            ("\"April1-2024\"", None),
            ("\"it\\\"s\"", None),
            ("\"\"", None),
            ("\"april 2 2024\"", wrong),
            ("\"April 1, 2024\\t\"", wrong),
            ("null", Some("type_error:simple")),
        ],
    );
}

#[test]
fn lists_are_compared_place_by_place() {
    let nested = Some("type_error:nested");
    let wrong = Some("value_error:list/tuple");
    values(
        r#"{"type": "array", "items": {"type": "string"}}"#,
        r#"[["New York", "Rome"], ""]"#,
        &[
            (r#"["new york", "rome"]"#, None),
            ("[]", None),
            (r#"["Rome", "New York"]"#, wrong),
            (r#"["New York"]"#, wrong),
            // Beside the empty string, elements of any type fit.
            (r#"["New York", 1]"#, wrong),
        ],
    );
    values(
        r#"{"type": "array", "items": {"type": "float"}}"#,
        "[[1.5, 2.0]]",
        &[("[1.5, 2.0]", None), ("[1.5, 2]", nested), ("[]", wrong), ("\"x\"", Some("type_error:simple"))],
    );
    values(r#"{"type": "array", "items": {"type": "integer"}}"#, "[[1], 7]", &[("[7]", Some("crash"))]);
    values(r#"{"type": "array"}"#, "[[7]]", &[("[7]", Some("crash"))]);
}

#[test]
fn dicts_have_right_values_per_key() {
    let key = Some("value_error:dict_key");
    values(
        r#"{"type": "dict"}"#,
        r#"[{"city": ["Paris"], "days": [3, ""]}]"#,
        &[
            (r#"{"city": "paris", "days": 3}"#, None),
            (r#"{"city": "paris"}"#, None),
            (r#"{"city": "Rome"}"#, Some("value_error:dict_value")),
            (r#"{"days": 3}"#, key),
            (r#"{"city": "paris", "more": 1}"#, key),
        ],
    );
    let count = Some("value_error:list_dict_count");
    values(
        r#"{"type": "array", "items": {"type": "dict"}}"#,
        r#"[[{"a": [1]}, {"a": [2]}]]"#,
        &[
            (r#"[{"a": 1}, {"a": 2}]"#, None),
            (r#"[{"a": 1}]"#, count),
            (r#"[{"a": 2}, {"a": 1}]"#, Some("value_error:dict_value")),
        ],
    );
}

#[test]
fn arguments_are_there_or_may_be_left_out() {
    let functions = r#"[{"name": "f", "parameters": {"properties": {"x": {"type": "integer"}, "y": {"type": "integer"}, "z": {"type": "integer"}}, "required": ["x"]}}]"#;
    let outputs = [
        (r#"[{"name": "f", "arguments": {"x": 1, "y": 2}}]"#, None),
        (r#"[{"name": "f", "arguments": {"x": 1, "y": 2, "z": 3}}]"#, None),
        (r#"[{"name": "f", "arguments": {"y": 2}}]"#, Some("simple_function_checker:missing_required")),
        (r#"[{"name": "f", "arguments": {"x": 1}}]"#, Some("simple_function_checker:missing_optional")),
        (
            r#"[{"name": "f", "arguments": {"x": 1, "y": 2, "w": 3}}]"#,
            Some("simple_function_checker:unexpected_param"),
        ),
        (
            r#"[{"name": "f", "arguments": {"x": 1, "y": 2}}, {"name": "f", "arguments": {"x": 1, "y": 2}}]"#,
            Some("simple_function_checker:wrong_count"),
        ),
    ];
    judge("live_simple", functions, r#"[{"f": {"x": [1], "y": [2], "z": [3, ""]}}]"#, &outputs);
}

#[test]
fn several_calls_come_in_any_order() {
    let call = |name: &str, x: i32| format!(r#"{{"name": "{name}", "arguments": {{"x": {x}}}}}"#);
    let both = |a: String, b: String| format!("[{a}, {b}]");
    let functions = r#"[{"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}, "required": []}},
                        {"name": "g", "parameters": {"properties": {"x": {"type": "integer"}}, "required": []}}]"#
        .replace('\n', "");
    let none = Some("parallel_function_checker_no_order:cannot_find_match");
    let outputs = [
        (both(call("g", 2), call("f", 1)), None),
        (both(call("f", 1), call("f", 1)), none),
        // The first right call takes the first call that fits, and leaves one that fits no other.
        (both(call("f", 2), call("f", 1)), none),
        (format!("[{}]", call("f", 1)), Some("parallel_function_checker_no_order:wrong_count")),
    ];
    let outputs: Vec<_> = outputs.iter().map(|(output, expected)| (output.as_str(), *expected)).collect();
    judge("live_parallel_multiple", &functions, r#"[{"f": {"x": [1]}}, {"g": {"x": [2]}}]"#, &outputs[..2]);
    judge("parallel", &functions, r#"[{"f": {"x": [1, 2]}}, {"f": {"x": [2]}}]"#, &outputs[2..]);
    let one = format!("[{}]", call("g", 2));
    let two = both(call("g", 2), call("g", 2));
    let outputs = [(one.as_str(), None), (two.as_str(), Some("multiple_function_checker:wrong_count"))];
    judge("multiple", &functions, r#"[{"g": {"x": [2]}}]"#, &outputs);
}

#[test]
fn where_no_function_fits_no_call_is_right() {
    let made = Some("irrelevance_error:decoder_success");
    let outputs = [
        ("[]", None),
        ("Sorry.", None),
        ("null", None),
        (r#"[{"name": "f", "arguments": {}}]"#, made),
        (r#"[{"name": "f", "arguments": {"x": Infinity}}]"#, made),
    ];
    judge("irrelevance", &function(r#"{"type": "integer"}"#), "[]", &outputs);
}

#[test]
fn verdicts_are_compared_line_by_line() {
    let folder = folder("simple_python", &function(r#"{"type": "integer"}"#), r#"[{"f": {"x": [1]}}]"#);
    let path = folder.path().join("vectors.jsonl");
    let line = |output: &str, valid: bool, reason: &str| {
        format!(
            r#"{{"id": "q", "category": "simple_python", "output": {output:?}, "valid": {valid}, "error_type": {reason}}}"#
        )
    };
    let right = r#"[{"name": "f", "arguments": {"x": 1}}]"#;
    let lines = [
        line(right, true, "null"),
        line("[]", false, "\"another\""),
        line(right, false, "\"crash:KeyError\""),
    ];
    fs::write(&path, lines.join("\n")).expect("written");
    let found = compare_verdicts(folder.path(), &path).expect("compared");
    assert_eq!((found.total, found.agree, found.same_reason), (3, 2, 1));
    assert_eq!(found.differences, ["line 3 (q): crash recorded, valid here"]);
    fs::write(&path, lines[0].replace("\"q\"", "\"r\"")).expect("written");
    let error = compare_verdicts(folder.path(), &path).expect_err("no such record");
    assert!(matches!(error, EvalError::Line { line: 1, .. }), "{error}");
}

#[test]
fn other_languages_are_refused() {
    let error = BfclChecker::open(Path::new("data"), "simple_java").expect_err("not checked");
    assert!(matches!(error, EvalError::Category { .. }), "{error}");
}

#[test]
#[ignore = "needs TOOLBEAM_DATA, a folder with bfcl/ and its checker_vectors.jsonl"]
fn recorded_verdicts_are_given_again() {
    let data = std::env::var_os("TOOLBEAM_DATA").expect("TOOLBEAM_DATA names the data");
    let data = Path::new(&data);
    let found = compare_verdicts(data, &data.join("bfcl/checker_vectors.jsonl")).expect("compared");
    println!("agree {} of {}, {} in the same words", found.agree, found.total, found.same_reason);
    assert!(found.differences.is_empty(), "{:#?}", found.differences);
}

#[test]
fn mutated_outputs_get_a_verdict_and_no_panic() {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    let question = r#"{"id": "q", "question": [[]], "function": [{"name": "f.g", "description": "", "parameters": {"type": "dict", "required": ["s"], "properties": {"s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "float"}, "b": {"type": "boolean"}, "a": {"type": "array", "items": {"type": "string"}}, "d": {"type": "dict", "properties": {"x": {"type": "integer"}}}, "o": {"type": "array", "items": {"type": "dict"}}, "t": {"type": "tuple", "items": {"type": "float"}}}}}]}"#;
    let answer = r#"{"id": "q", "ground_truth": [{"f.g": {"s": ["a b"], "i": [1, ""], "n": [1.5, 2, ""], "b": [true, ""], "a": [["x"], ""], "d": [{"x": [1]}, ""], "o": [[{"k": ["v"]}], ""], "t": [[1.0], ""]}}]}"#;
    let right = r#"```[{"name": "f.g", "arguments": {"s": "a b", "i": 1, "n": 1.5, "b": true, "a": ["x"], "d": {"x": 1}, "o": [{"k": "v"}], "t": [1.0]}}]```"#;
    let files = ["simple_python", "parallel"].map(|category| {
        let file = format!("BFCL_v4_{category}.json");
        let data = crate::folder(&[(&file, question), (&format!("possible_answer/{file}"), answer)]);
        BfclChecker::open(data.path(), category).expect("a category")
    });
    for checker in &files {
        assert!(checker.check("q", right).expect("the record").error_type.is_none());
    }
    let pieces = [
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        ",",
        ":",
        "`",
        "\\",
        "\\ud800",
        "1e999",
        "-",
        "None",
        "é",
        "\n",
        "9".repeat(40).as_str(),
    ]
    .map(str::to_owned);
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..20_000 {
        let mut output: Vec<char> = right.chars().collect();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..output.len());
            let end = (at + random.random_range(0..8)).min(output.len());
            let piece = &pieces[random.random_range(0..pieces.len())];
            output.splice(at..end, piece.chars());
        }
        let output: String = output.into_iter().collect();
        for checker in &files {
            assert!(checker.check("q", &output).is_some(), "{output}");
        }
    }
}
