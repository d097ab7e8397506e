//! Which calls fit, and what is said of those that do not.

use super::super::{ToolDefinition, ToolSet, Violation};
use super::{compile, tool};
use crate::{Call, Value};

/// Validating `arguments` gives these messages, without the function's name and the remedy.
fn check(parameters: &str, arguments: &str, expected: &[&str]) {
    let call = Call::from_json("f", arguments).unwrap();
    let violations = compile(parameters).validate(&call).err().unwrap_or_default();
    let messages: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let matches = messages.len() == expected.len()
        && messages.iter().zip(expected).all(|(m, e)| m.starts_with(&format!("`f`: {e}")));
    assert!(matches, "{parameters} with {arguments}: {messages:#?}");
}

#[test]
fn undeclared_and_missing_arguments() {
    for parameters in [
        r#"{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}"#,
        r#"{"type": "dict", "properties": {"a": {"type": "integer"}}, "required": ["a"]}"#,
        r#"{"a": {"type": "int", "required": true}}"#,
        r##"{"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}}}"##,
    ] {
        check(parameters, r#"{"a": 1}"#, &[]);
        check(parameters, r#"{}"#, &["/a is required"]);
        check(parameters, r#"{"a": 1, "x/y": 2}"#, &["/x~1y is not declared"]);
        check(parameters, r#"{"a": "1"}"#, &["/a: value is not of type \"integer\""]);
    }
    check("", "{}", &[]);
    check("", r#"{"a": 1}"#, &["/a is not declared"]);
    check(r#"{"type": "object", "additionalProperties": true}"#, r#"{"a": 1}"#, &[]);
    check(
        r#"{"type": "object", "additionalProperties": {"type": "string"}}"#,
        r#"{"a": 1}"#,
        &["/a: value is not"],
    );
}

#[test]
fn nested_objects_are_closed_only_in_pythons_dialects() {
    let nested = r#""properties": {"o": {"type": "object", "properties": {"a": {"type": "float"}}}, "p": {"type": "object"}}}"#;
    let (bfcl, standard) =
        (format!(r#"{{"type": "dict", {nested}"#), format!(r#"{{"type": "object", {nested}"#));
    for (arguments, in_bfcl) in [
        (r#"{"o": {"a": 1}, "p": {"any": 1}}"#, vec![]),
        (r#"{"o": {"b": 1}}"#, vec!["/o/b is not declared"]),
    ] {
        check(&bfcl, arguments, &in_bfcl);
        check(&standard, arguments, &[]);
    }
}

#[test]
fn numbers() {
    let flat = r#"{"i": {"type": "int"}, "f": {"type": "float"}, "l": {"type": "List[float]"}}"#;
    check(flat, r#"{"i": 5, "f": 5, "l": [1, 2.5]}"#, &[]);
    check(flat, r#"{"i": 5.0, "f": 1e300}"#, &[]);
    check(flat, r#"{"i": 123456789012345678901234567890}"#, &[]);
    check(flat, r#"{"i": 5.5}"#, &["/i: value is not of type \"integer\""]);
    check(flat, r#"{"f": true, "l": [1, "2"]}"#, &["/f: value is not", "/l/1: value is not"]);
}

#[test]
fn defaults_enums_and_formats() {
    let flat =
        r#"{"s": {"type": "str", "default": null, "enum": ["a", "b"]}, "n": {"type": "int", "default": ""}}"#;
    check(flat, r#"{"s": null, "n": ""}"#, &[]);
    check(flat, r#"{"s": "a", "n": 3}"#, &[]);
    check(flat, r#"{"s": "c"}"#, &["/s: value is not one of"]);
    check(flat, r#"{"n": "3"}"#, &["/n: value is not valid under any of the schemas"]);
    let standard =
        r#"{"type": "object", "properties": {"s": {"type": "string", "default": null, "format": "date"}}}"#;
    check(standard, r#"{"s": "no date"}"#, &[]);
    check(standard, r#"{"s": null}"#, &["/s: value is not of type \"string\""]);
}

#[test]
fn values_are_not_quoted() {
    let flat = r#"{"a": {"type": "str", "pattern": "^x$", "maxLength": 3}, "b": {"enum": [1]}}"#;
    let call = Call::from_json("f", r#"{"a": "secret", "b": "secret"}"#).unwrap();
    let violations = compile(flat).validate(&call).unwrap_err();
    assert_eq!(violations.len(), 3);
    assert!(!format!("{violations:?}").contains("secret"));
}

#[test]
fn functions_are_found_by_their_whole_name() {
    let named = |name: &str| ToolDefinition { name: name.into(), ..tool(r#"{"a": {"type": "str"}}"#) };
    let tools = ToolSet::compile(&[named("a.b"), named("a.c"), named("a")]).unwrap();
    assert_eq!(tools.names().collect::<Vec<_>>(), ["a.b", "a.c", "a"]);
    assert!(tools.schema("b").is_none() && tools.schema("a.c").is_some());
    for name in ["a.b", "a.c", "a"] {
        assert_eq!(tools.validate(&Call::from_json(name, r#"{"a": ""}"#).unwrap()), Ok(()));
    }
    let unknown = tools.validate(&Call::from_json("b", "{}").unwrap());
    assert_eq!(unknown, Err(vec![Violation::UnknownFunction { name: "b".into() }]));
}

#[test]
fn repeated_arguments() {
    let value = |raw: &str| Value::parse(raw).unwrap();
    let pair = |raw: &str| ("a".to_owned(), value(raw));
    let call = Call { name: "f".into(), arguments: vec![pair("1"), pair("2"), pair("3")] };
    let expected = Violation::Repeated { function: "f".into(), path: "/a".into() };
    assert_eq!(compile(r#"{"a": {"type": "int"}}"#).validate(&call), Err(vec![expected]));
}

#[test]
fn work_is_bounded() {
    // Every level of the arguments doubles what a validator has to do.
    let doubling = r##"{"type": "object", "additionalProperties": true,
        "properties": {"c": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}"##;
    let nested = |levels: usize| format!("{}{{}}{}", r#"{"c": "#.repeat(levels), "}".repeat(levels));
    check(doubling, &nested(5), &[]);
    check(doubling, &nested(40), &["the arguments are too large for this schema"]);
    let backtracking = r#"{"a": {"type": "str", "pattern": "(?=x)(x|xx|xxx)+(?<=y)$"}}"#;
    let call = format!(r#"{{"a": "{}"}}"#, "x".repeat(10_000));
    check(backtracking, &call, &["/a: "]);
    // A schema may describe trees, as deep as arguments may be.
    let tree = r##"{"type": "object", "properties": {"c": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}"##;
    check(tree, &nested(60), &[]);
    let many: Vec<String> = (0..50).map(|i| format!(r#""x{i}": 1"#)).collect();
    let call = Call::from_json("f", &format!("{{{}}}", many.join(", "))).unwrap();
    assert_eq!(compile("").validate(&call).unwrap_err().len(), 32);
}
