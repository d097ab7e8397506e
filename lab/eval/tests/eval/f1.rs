//! F1 beside what Hammer's script printed.

use std::path::{Path, PathBuf};

use serde_json::Value;
use toolbeam_eval::{EvalError, f1};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/f1").join(name)
}

#[test]
fn compat_is_what_hammers_script_prints() {
    let expected = std::fs::read_to_string(fixture("expected.json")).expect("a fixture");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    for name in ["good", "middling", "bad"] {
        let report = f1(&fixture(&format!("{name}.jsonl"))).expect("predictions");
        let found = serde_json::to_value(&report.compat).expect("JSON");
        let (found, expected) = (found.as_object().expect("scores"), expected[name].as_object());
        let expected = expected.expect("scores");
        assert!(found.keys().eq(expected.keys()), "{name}: {found:?}");
        for (key, value) in expected {
            let difference = value.as_f64().zip(found[key].as_f64()).map(|(a, b)| (a - b).abs());
            assert!(difference.is_some_and(|difference| difference < 1e-9), "{name}: {key}: {found:?}");
        }
    }
}

#[test]
fn strict_scores_are_ratios() {
    let report = |name: &str| f1(&fixture(name)).expect("predictions");
    let good = report("good.jsonl");
    assert_eq!((good.records, good.format_errors, good.broken_calls), (60, 0, 0));
    assert_eq!((good.strict.names.f1, good.strict.arguments.f1), (1.0, 1.0), "gold beside gold");
    assert!(good.compat.param.is_some_and(|scores| scores.f1 > 1.0), "as Hammer's does");
    let worse = [report("middling.jsonl").strict, report("bad.jsonl").strict];
    let f1s: Vec<[f64; 2]> = worse.iter().map(|strict| [strict.names.f1, strict.arguments.f1]).collect();
    assert!(f1s[0].iter().zip(f1s[1]).all(|(middling, bad)| 1.0 > *middling && *middling > bad), "{f1s:?}");
}

#[test]
fn a_label_that_is_no_list_of_calls_is_named() {
    let check = |line: &str, expected: &str| {
        let folder = super::folder(&[("p.jsonl", line)]);
        match f1(&folder.path().join("p.jsonl")) {
            Err(EvalError::Line { line: 1, reason, .. }) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{line}: {other:?}"),
        }
    };
    check(r#"{"predict": "[]"}"#, "label");
    check(r#"{"label": "[1]", "predict": "[]"}"#, "without a name");
    check(r#"{"label": "sorry", "predict": "[]"}"#, "no JSON list");
    check("[", "EOF");
}

#[test]
fn broken_predictions_are_counted() {
    let call = r#"{\"name\": \"f\", \"arguments\": {}}"#;
    let lines = [
        format!(r#"{{"label": "[{call}]", "predict": "[{call}, {{\"name\": \"f\"}}, 7]"}}"#),
        format!(r#"{{"label": "[{call}]", "predict": 7}}"#),
        format!(r#"{{"label": "[{call}]"}}"#),
    ];
    let folder = super::folder(&[("p.jsonl", &lines.join("\n"))]);
    let report = f1(&folder.path().join("p.jsonl")).expect("predictions");
    assert_eq!((report.records, report.format_errors, report.broken_calls), (3, 2, 2));
    let names = report.strict.names;
    assert_eq!((names.correct, names.predicted, names.gold), (1, 5, 3));
}
