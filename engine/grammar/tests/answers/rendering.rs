//! The canonical text, case by case.

use toolbeam_grammar::render::segments;
use toolbeam_grammar::{Layout, Step, Value, parse_calls, steps_of};

use crate::steps_in;

/// Checks the canonical text of an answer, markers included.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = segments(Layout::JsonList, &steps_in(text))
        .into_iter()
        .map(|segment| segment.text + segment.marker.token())
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn segments_are_the_text_between_markers() {
    check("```json\n[ ]\n```", &["[]<TOTAL_FINISH>"]);
    check(
        r#"[{"name":"f","arguments":{"a":1,"b":"\u0078"}},{"name":"g","arguments":{}}]"#,
        &[
            r#"[{"name": "f"<FUNC_NAME>"#,
            r#", "arguments": {"a": 1<ARG_VALUE>"#,
            r#", "b": "x"<ARG_VALUE>"#,
            "}<PARAM_FINISH>",
            "}<FUNC_FINISH>",
            r#", {"name": "g"<FUNC_NAME>"#,
            r#", "arguments": {}<PARAM_FINISH>"#,
            "}<FUNC_FINISH>",
            "]<TOTAL_FINISH>",
        ],
    );
    check(
        r#"[{"arguments":{"a":1},"name":"f"},{"arguments":{},"name":"\"g\""}]"#,
        &[
            r#"[{"arguments": {"a": 1<ARG_VALUE>"#,
            "}<PARAM_FINISH>",
            r#", "name": "f"<FUNC_NAME>"#,
            "}<FUNC_FINISH>",
            r#", {"arguments": {}<PARAM_FINISH>"#,
            r#", "name": "\"g\""<FUNC_NAME>"#,
            "}<FUNC_FINISH>",
            "]<TOTAL_FINISH>",
        ],
    );
}

#[test]
fn a_marker_in_the_text_is_text() {
    check(
        r#"[{"name":"<TOTAL_FINISH>","arguments":{}}]"#,
        &[
            r#"[{"name": "<TOTAL_FINISH>"<FUNC_NAME>"#,
            r#", "arguments": {}<PARAM_FINISH>"#,
            "}<FUNC_FINISH>",
            "]<TOTAL_FINISH>",
        ],
    );
}

#[test]
fn calls_have_the_steps_of_their_canonical_text() {
    let text = r#"[{"name":"f","arguments":{"b":[1.50],"a":{}}},{"name":"g","arguments":{}}]"#;
    let calls = parse_calls(Layout::JsonList, text).expect("valid");
    assert_eq!(steps_of(&calls), steps_in(text));
    assert_eq!(steps_of(&[]), [Step::TotalFinish]);
}

#[test]
fn steps_out_of_order_are_rendered_without_panic() {
    let kinds = [
        Step::FuncName("f".into()),
        Step::ArgValue { key: "a".into(), value: Value::parse("1").expect("valid") },
        Step::ParamFinish,
        Step::FuncFinish,
        Step::TotalFinish,
    ];
    for first in &kinds {
        for second in &kinds {
            for third in &kinds {
                let steps = [first.clone(), second.clone(), third.clone()];
                let found = segments(Layout::JsonList, &steps);
                assert!(found.iter().all(|segment| !segment.text.is_empty()), "{steps:?}");
            }
        }
    }
}
