//! The layout json_list, case by case.

use toolbeam_grammar::{
    Call, Layout, Parser, State, Status, Step, Value, calls_of, first_misplaced, parse_calls,
};

use crate::{check_marked, parse, steps_in};

fn check(marked: &str, expected: &str) {
    check_marked(Layout::JsonList, marked, expected);
}

#[test]
fn answers_are_complete_at_their_final_bracket() {
    check("[]¦", "total | complete");
    check(" \n[\t]¦\r\n ", "total | complete");
    check(
        r#"[{"name": "f"¦, "arguments": {"a": "x"¦}¦}¦]¦"#,
        r#"name f | a="x" | arguments | call | total | complete"#,
    );
    check(
        r#"[{"name":"f"¦,"arguments":{}¦}¦,{"name":"g.h"¦,"arguments":{ }¦ }¦ ]¦ "#,
        "name f | arguments | call | name g.h | arguments | call | total | complete",
    );
}

#[test]
fn a_number_or_literal_ends_where_its_delimiter_begins() {
    check(r#"[{"name":"f"¦,"arguments":{"a":12"#, "name f | unfinished");
    check(r#"[{"name":"f"¦,"arguments":{"a":12¦ "#, "name f | a=12 | unfinished");
    check(r#"[{"name":"f"¦,"arguments":{"a":12¦,"#, "name f | a=12 | unfinished");
    check(r#"[{"name":"f"¦,"arguments":{"a":null"#, "name f | unfinished");
    check(r#"[{"name":"f"¦,"arguments":{"a":true¦}¦"#, "name f | a=true | arguments | unfinished");
    check(r#"[{"name":"f"¦,"arguments":{"a":[1]¦"#, "name f | a=[1] | unfinished");
    // A byte that can follow no argument completes none.
    for end in ['x', '"', ':'] {
        check(
            &format!(r#"[{{"name":"f"¦,"arguments":{{"a":12✗{end}"#),
            &format!("name f | unexpected byte '{end}': expected the end of a number or literal"),
        );
    }
    check(r#"[{"arguments":{"a":12✗]"#, "unexpected byte ']': expected ',' or '}'");
}

#[test]
fn every_spelling_of_a_call_is_read() {
    check(
        r#"[{"arguments":{"a":{"z":[1,{}],"b":1E+2}¦}¦,"name":"f"¦}¦]¦"#,
        r#"a={"z": [1, {}], "b": 100.0} | arguments | name f | call | total | complete"#,
    );
    check(
        r#"[{"\u006eame":"\u00e9\ud83d\ude00\/"¦,"arguments":{"":""¦,"k\n":-0¦}¦}¦]¦"#,
        "name é😀/ | =\"\" | k\n=0 | arguments | call | total | complete",
    );
    check(
        r#"[{"name":"f"¦,"arguments":{"a":1¦,"a":2¦}¦}¦]¦"#,
        "name f | a=1 | a=2 | arguments | call | total | complete",
    );
}

#[test]
fn a_fence_may_stand_around_the_list() {
    check("```json\n[]¦\n```\n", "total | complete");
    check("  ```[]¦```", "total | complete");
    check("```json[]¦", "total | complete");
    check("[]¦ ```", "total | complete");
    check("[]¦``", "total | complete");
    check("``", "unfinished");
    check("```js", "unfinished");
    check("```js✗[]", "unexpected byte '[': expected ``` or ```json before the list");
    check("``✗[]", "unexpected byte '[': expected ``` or ```json before the list");
    check("``` ✗json", "unexpected byte 'j': expected '['");
    check("[]¦`✗ ``", "total | unexpected byte 0x20: expected the rest of ```");
    check("[]¦```✗`", "total | unexpected byte '`': expected nothing after the fence");
    check("[]¦✗]", "total | unexpected byte ']': expected nothing but a fence after the list");
}

#[test]
fn what_is_no_call_is_refused() {
    let shape = r#"only "name" and "arguments" may stand there"#;
    check(r#"[{"id✗":1}"#, &format!(r#"unknown key "id" in a call: {shape}"#));
    check(r#"[{"name":"f"¦,"name✗""#, r#"name f | repeated key "name" in a call: give it once"#);
    check(
        r#"[{"arguments":{}¦,"arguments✗""#,
        r#"arguments | repeated key "arguments" in a call: give it once"#,
    );
    let both = r#"give both "name" and "arguments""#;
    check(r#"[{"name":"f"¦✗}"#, &format!(r#"name f | call without "arguments": {both}"#));
    check(r#"[{"arguments":{}¦✗}"#, &format!(r#"arguments | call without "name": {both}"#));
    check("[{✗}", &format!(r#"call without "name": {both}"#));
    check(r#"[{"name":✗1"#, r#""name" of a call is not a string: give the function's name in quotes"#);
    check(
        r#"[{"arguments":✗[]"#,
        r#""arguments" of a call is not an object: give one, {} if there are none"#,
    );
}

#[test]
fn what_is_not_json_is_refused_at_its_first_wrong_byte() {
    for (marked, reason) in [
        ("✗1", "unexpected byte '1': expected '[' or a fence"),
        ("[✗,", "unexpected byte ',': expected '{' or ']'"),
        ("[{✗'", r#"unexpected byte ''': expected "name" or "arguments""#),
        (r#"[{"name"✗,"#, "unexpected byte ',': expected ':'"),
        (r#"[{"name":"f"¦✗]"#, "name f | unexpected byte ']': expected ',' or '}'"),
        (r#"[{"arguments":{✗1"#, "unexpected byte '1': expected an argument's name or '}'"),
        (r#"[{"arguments":{"a" ✗1"#, "unexpected byte '1': expected ':'"),
        (r#"[{"arguments":{"a":✗}"#, "unexpected byte '}': expected a value"),
        (r#"[{"arguments":{"a":1¦,✗}"#, "a=1 | unexpected byte '}': expected an argument's name"),
        (r#"[{"arguments":{"a":[]¦ ✗""#, r#"a=[] | unexpected byte '"': expected ',' or '}'"#),
        (r#"[{"arguments":{}¦,✗}"#, r#"arguments | unexpected byte '}': expected "name" or "arguments""#),
    ] {
        check(marked, reason);
    }
    for (end, reason) in
        [(",✗]", "unexpected byte ']': expected '{'"), ("✗}", "unexpected byte '}': expected ',' or ']'")]
    {
        let marked = format!(r#"[{{"arguments":{{}}¦,"name":"f"¦}}¦{end}"#);
        check(&marked, &format!("arguments | name f | call | {reason}"));
    }
}

#[test]
fn strings_and_numbers_are_refused_as_serde_json_refuses_them() {
    let lone = "lone surrogate escape in a string: write both halves of the pair";
    let escape = r#"unknown escape in a string: write one of \" \\ \/ \b \f \n \r \t \uXXXX"#;
    check(r#"[{"name":"\ud800✗"}"#, lone);
    check(r#"[{"name":"\udc0✗0"}"#, lone);
    check(r#"[{"name":"\ud800\✗n"}"#, lone);
    check(r#"[{"name":"\ud800\u004✗1"}"#, lone);
    check(r#"[{"name":"\✗x"}"#, escape);
    check(r#"[{"name":"\u00✗g0"}"#, escape);
    check("[{\"name\":\"a✗\nb\"}", r"raw control character 0x0a in a string: escape it as \u000a");
    check(
        r#"[{"arguments":{"a":1e999✗}"#,
        "number is outside the range of a 64-bit float: use a smaller one",
    );
}

#[test]
fn invalid_utf8_is_refused_and_a_cut_character_is_not() {
    for (bytes, offset) in [
        (&b"[{\"name\":\"\xc3\xa9\xff"[..], 12),
        (b"[{\"name\":\"\xc3\"", 11),
        (b"[{\"name\":\"\xed\xa0\x80", 11),
        (b"[{\"name\":\"\xf4\x90", 11),
        (b"\xef\xbb\xbf[]", 0),
    ] {
        let (parser, _) = parse(bytes);
        assert!(
            matches!(parser.status(), Status::Invalid { offset: found, .. } if found == offset),
            "{bytes:x?}: {:?}",
            parser.status()
        );
    }
    assert_eq!(parse(b"[{\"name\":\"\xf0\x9f\x98").0.status(), Status::Unfinished);
}

#[test]
fn an_invalid_parser_ignores_input() {
    let (mut parser, _) = parse(b"[}");
    let status = parser.status();
    assert!(parser.feed(b"[]").is_empty());
    assert!(parser.end().is_empty());
    assert_eq!((parser.status(), parser.offset()), (status, 1));
}

#[test]
fn states_are_those_of_the_paper() {
    let mut parser = Parser::new(Layout::JsonList);
    for (text, state) in [
        ("``` ", State::Initial),
        ("[", State::FunctionName),
        ("{\"name\": \"f", State::FunctionName),
        ("\"", State::ParameterName),
        (", \"arguments\": {", State::ParameterName),
        ("\"a", State::ParameterName),
        ("\":", State::Value),
        (" [1", State::Value),
        ("]", State::ParameterName),
        ("}", State::FunctionName),
        ("}", State::FunctionName),
        ("]", State::Terminated),
        ("```", State::Terminated),
        ("]", State::Terminated),
    ] {
        parser.feed(text.as_bytes());
        assert_eq!(parser.state(), state, "after {text}");
    }
}

#[test]
fn parsers_are_equal_if_they_behave_alike() {
    let at = |text: &str| parse(text.as_bytes()).0;
    for (left, right, equal) in [
        ("[", "```json \n[ ", true),
        (r#"[{"name":"f","#, r#"[{ "name" : "\u0066" ,"#, true),
        (r#"[{"name":"f","#, r#"[{"name":"another","#, true),
        (r#"[{"name":"f","#, r#"[{"arguments":{},"#, false),
        (r#"[{"arguments":{"a":1E+1"#, r#"[{"arguments":{"a":1e1"#, true),
        (r#"[{"arguments":{"a":1e1"#, r#"[{"arguments":{"a":10"#, false),
        (r#"[{"arguments":{"a":[1e1,"#, r#"[{"arguments":{"a":[10.0,"#, true),
        (r#"[{"arguments":{"a":"\ud83d"#, r#"[{"arguments":{"a":""#, false),
        (r#"[{"arguments":{"a":"#, r#"[{"arguments":{"b":"#, false),
        (r#"[{"arguments":{"a":[["#, r#"[{"arguments":{"a":["#, false),
        (r#"[{"name":"f","arguments":{}}"#, "[", false),
        ("[]", "[] \n", true),
        ("[]", "[]```", false),
        ("[}", "[]}", false),
    ] {
        assert_eq!(at(left) == at(right), equal, "{left} and {right}");
    }
}

#[test]
fn calls_are_those_of_complete_answers_only() {
    let text = r#"[{"name":"f","arguments":{"b":1,"a":2,"b":3}},{"arguments":{},"name":"g"}]"#;
    let steps = steps_in(text);
    let calls = calls_of(&steps).expect("complete");
    assert_eq!(calls, parse_calls(Layout::JsonList, text).expect("valid"));
    let arguments: Vec<String> = calls.iter().map(Call::arguments_json).collect();
    assert_eq!(arguments, [r#"{"b": 3, "a": 2}"#, "{}"]);
    assert_eq!(calls[0], Call::from_json("f", r#" {"a":2,"b":3} "#).expect("valid"));
    for length in 0..steps.len() {
        assert_eq!(calls_of(&steps[..length]), None, "{length} steps");
        assert_eq!(first_misplaced(&steps[..length]), None, "{length} steps");
    }

    let value = Value::parse("1").expect("valid");
    let name = || Step::FuncName("f".into());
    let argument = || Step::ArgValue { key: "a".into(), value: value.clone() };
    for (steps, misplaced) in [
        (vec![Step::FuncFinish], 0),
        (vec![name(), name()], 1),
        (vec![name(), Step::TotalFinish], 1),
        (vec![argument(), name()], 1),
        (vec![argument(), Step::ParamFinish, Step::FuncFinish], 2),
        (vec![name(), Step::ParamFinish, argument()], 2),
        (vec![name(), Step::ParamFinish, Step::ParamFinish], 2),
        (vec![name(), Step::ParamFinish, Step::FuncFinish, Step::FuncFinish], 3),
        (vec![Step::TotalFinish, Step::TotalFinish], 1),
    ] {
        assert_eq!(first_misplaced(&steps), Some(misplaced), "{steps:?}");
        assert_eq!(calls_of(&steps), None, "{steps:?}");
    }
}

#[test]
fn a_call_is_made_of_one_object() {
    for (arguments, error) in [
        ("", "malformed at byte 0: text ends too early: close what is open"),
        (r#"{"a": 1"#, "malformed at byte 7: text ends too early: close what is open"),
        ("[]", "malformed at byte 0: \"arguments\" of a call is not an object"),
        ("{} {", "malformed at byte 3: unexpected byte '{'"),
    ] {
        let found = Call::from_json("f", arguments).expect_err(arguments).to_string();
        assert!(found.starts_with(error), "{found}");
    }
    let unfinished = parse_calls(Layout::JsonList, "[").expect_err("unfinished");
    assert_eq!(unfinished.offset, 1);
}
