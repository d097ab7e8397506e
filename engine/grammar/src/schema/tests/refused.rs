//! What is refused, where, and with which words.

use super::super::{ToolDefinition, ToolSet};
use super::tool;

/// Compiling these parameters, as the second of two tools, fails at `path` with `words`.
fn check(parameters: &str, path: &str, words: &str) {
    let mut second = tool(parameters);
    second.name = "get.it".into();
    let error = ToolSet::compile(&[tool(""), second]).expect_err(parameters);
    let message = error.to_string();
    assert_eq!(error.path, path, "{parameters}: {message}");
    assert!(message.contains(words), "{parameters}: {message}");
    assert!(message.contains("tools[1].parameters (`get.it`)"), "{message}");
    // The remedy comes behind the semicolon.
    assert!(message.contains("; "), "{message}");
    assert!(message.len() < 1000, "{message}");
}

#[test]
fn parameters_in_no_dialect() {
    check("{", "", "not JSON (EOF");
    check("[]", "", "neither a JSON Schema nor a map");
    check("true", "", "neither");
    check("\"{}\"", "", "neither");
    check(r#"{"a": 1}"#, "", "neither");
    check(r#"{"city": "str"}"#, "", "neither");
    check(r#"{"description": "none"}"#, "", "neither");
    check(r#"{"type": "string"}"#, "/type", "use \"type\": \"object\"");
    check(r#"{"type": "function", "function": {}}"#, "/type", "unknown type `function`");
}

#[test]
fn unknown_types_name_their_place() {
    check(r#"{"a": {"type": "strng"}}"#, "/a/type", "unknown type `strng`; use string");
    check(r#"{"a/b~": {"type": "x"}}"#, "/a~1b~0/type", "unknown type `x`");
    check(
        r#"{"type": "dict", "properties": {"a": {"type": "array", "items": {"type": "flot"}}}}"#,
        "/properties/a/items/type",
        "flot",
    );
    check(
        r#"{"type": "object", "properties": {"a": {"anyOf": [{}, {"type": ["x"]}]}}}"#,
        "/properties/a/anyOf/1/type/0",
        "unknown type `x`",
    );
    check(r#"{"a": {"type": 3}}"#, "/a/type", "expected a type's name, found a number");
    check(r#"{"a": {"type": []}}"#, "/a/type", "found a list");
    let long = format!(r#"{{"a": {{"type": "{}"}}}}"#, "x".repeat(5000));
    check(&long, "/a/type", "xxx...");
}

#[test]
fn keywords_of_the_wrong_shape() {
    check(r#"{"type": "object", "properties": []}"#, "/properties", "expected a map of schemas");
    check(r#"{"type": "object", "properties": {"a": "str"}}"#, "/properties/a", "found a string");
    check(r#"{"type": "object", "required": 1}"#, "/required", "expected a list of names");
    check(r#"{"type": "object", "required": [1]}"#, "/required/0", "expected a property's name");
    check(r#"{"type": "object", "required": ["a"]}"#, "/required", "`a` is required but not declared");
    check(r#"{"a": {"required": "maybe"}}"#, "/a/required", "expected true, false or a list");
    check(r#"{"type": "object", "anyOf": {}}"#, "/anyOf", "expected a list of schemas");
    check(r#"{"type": "object", "$defs": 1}"#, "/$defs", "expected a map of schemas");
    check(
        r#"{"type": "object", "properties": {"a": {"minLength": -1}}}"#,
        "/properties/a/minLength",
        "not a valid JSON Schema",
    );
    check(r#"{"a": {"type": "str", "pattern": "("}}"#, "/properties/a/pattern", "not a valid JSON Schema");
}

#[test]
fn references_stay_inside() {
    for remote in ["https://example.com/s.json", "other.json#/a", "file:///etc/passwd", ""] {
        let parameters = format!(r#"{{"type": "object", "properties": {{"a": {{"$ref": "{remote}"}}}}}}"#);
        check(&parameters, "/properties/a/$ref", "remote references are not followed");
    }
    // Where no schema is expected, a reference may hide but is never followed.
    check(r##"{"$ref": "#/x", "x": {"$ref": "http://example.com"}}"##, "/$ref", "leads to no schema");
    check(r##"{"$ref": "#/$defs/a"}"##, "/$ref", "leads to no schema");
    check(r##"{"type": "object", "$defs": {"a": {"$ref": "#b"}}}"##, "/$defs/a/$ref", "leads to no");
    check(r##"{"$ref": "#/%zz"}"##, "/$ref", "leads to no schema");
    check(r#"{"$ref": 1}"#, "/$ref", "expected a reference");
    check(r#"{"type": "object", "$defs": {"a": {"$id": "http://a"}}}"#, "/$defs/a/$id", "`$id` is not");
    check(r##"{"$dynamicRef": "#a", "type": "object"}"##, "/$dynamicRef", "not supported");
}

#[test]
fn schemas_without_an_end() {
    check(r##"{"$ref": "#"}"##, "", "refers to itself without end");
    check(r##"{"allOf": [{"$ref": "#"}]}"##, "", "without end");
    check(
        r##"{"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}"##,
        "/$defs/a",
        "without end",
    );
    let doubling: Vec<String> = (0..40)
        .map(|i| {
            format!(
                r##""a{i}": {{"allOf": [{{"$ref": "#/$defs/a{0}"}}, {{"$ref": "#/$defs/a{0}"}}]}}"##,
                i + 1
            )
        })
        .collect();
    let parameters = format!(r#"{{"type": "object", "$defs": {{{}, "a40": true}}}}"#, doubling.join(", "));
    check(&parameters, "/$defs/a0", "too often");
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let open = r#"{"type": "array", "items": "#.repeat(levels);
        format!(r#"{{"a": {open}true{}}}"#, "}".repeat(levels))
    };
    super::compile(&nested(63));
    check(&nested(64), &format!("/a{}", "/items".repeat(63)), "nested deeper than 64 levels");
    check(&"[".repeat(100_000), "", "not JSON (recursion limit");
}

#[test]
fn lists_of_tools() {
    let named = |name: &str| ToolDefinition { name: name.into(), ..tool("") };
    let check = |tools: &[ToolDefinition], message: &str| {
        let error = ToolSet::compile(tools).expect_err(message);
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(message.starts_with(&error.field()), "{error}");
    };
    check(&[], "tools: no tool is declared; declare at least one");
    check(&[named("a"), named("")], "tools[1].name (``): the tool's name is empty; name");
    check(
        &[named("a"), named("b"), named("a")],
        "tools[2].name (`a`): the tool's name is already that of tools[0]; give",
    );
    check(&[named(&"x".repeat(70_000))], "tools[0].name (`xxxxxxxx");
}
