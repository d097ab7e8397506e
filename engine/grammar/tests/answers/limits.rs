//! Every bound holds, and just inside it an answer is read.

use toolbeam_grammar::{InvalidReason, Layout, Limits, Parser, Status, Step, Value};

const LIMITS: Limits = Limits { depth: 2, value_bytes: 12, name_bytes: 4, arguments: 2, calls: 2 };

/// Checks the status of an answer under small limits.
fn check(text: &str, refused: Option<InvalidReason>) {
    let mut parser = Parser::with_limits(Layout::JsonList, LIMITS);
    parser.feed(text.as_bytes());
    match (parser.status(), refused) {
        (Status::Complete, None) => {}
        (Status::Invalid { reason, .. }, Some(expected)) => assert_eq!(reason, expected, "{text}"),
        (status, expected) => panic!("{text}: {status:?}, not {expected:?}"),
    }
}

fn of_value(value: &str) -> String {
    format!(r#"[{{"arguments":{{"a":{value}}},"name":"f"}}]"#)
}

fn of_calls(count: usize) -> String {
    format!("[{}]", vec![r#"{"name":"f","arguments":{}}"#; count].join(","))
}

#[test]
fn limits_hold() {
    check(&of_value("[[]]"), None);
    check(&of_value("[[[]]]"), Some(InvalidReason::TooDeep(2)));
    check(&of_value(r#"{"a":{"a":{}}}"#), Some(InvalidReason::TooDeep(2)));

    check(&of_value(r#""0123456789""#), None);
    check(&of_value(r#""01234567890""#), Some(InvalidReason::TooLong(12)));
    check(
        &of_value("0123456789"),
        Some(InvalidReason::UnexpectedByte { byte: b'1', expected: "the end of a number or literal" }),
    );
    check(&of_value("1234567890"), None);
    check(&of_value("12345678901"), Some(InvalidReason::TooLong(12)));
    check(&of_value("[1,2,3]"), None);
    check(&of_value("[1,2,3,4]"), Some(InvalidReason::TooLong(12)));
    check(&of_value(r#"{"ab":"cdef"}"#), None);
    check(&of_value(r#"{"abc":"cdef"}"#), Some(InvalidReason::TooLong(12)));

    check(r#"[{"name":"four","arguments":{"four":1}}]"#, None);
    check(r#"[{"name":"fives","#, Some(InvalidReason::TooLong(4)));
    check(r#"[{"arguments":{"fives":1"#, Some(InvalidReason::TooLong(4)));

    check(r#"[{"name":"f","arguments":{"a":1,"b":2}}]"#, None);
    check(r#"[{"name":"f","arguments":{"a":1,"b":2,"c":3}}]"#, Some(InvalidReason::TooManyArguments(2)));

    check(&of_calls(2), None);
    check(&of_calls(3), Some(InvalidReason::TooManyCalls(2)));
}

#[test]
fn spelling_does_not_count() {
    check(&of_value("[ 1 ,\n\n\n\n\n\n\n\n\n\n\n\n 2 ]"), None);
    check(&of_value(r#""\u0030\u0031\u0032\u0033\u0034\u0035\u0036\u0037""#), None);
}

#[test]
fn deep_nesting_is_refused_and_never_overflows() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let deepest = Limits::default().depth as usize;
    assert!(Value::parse(&nested(deepest)).is_ok());
    assert!(Value::parse(&nested(1_000_000)).is_err());

    let unbounded = Limits { depth: u32::MAX, ..Limits::default() };
    let mut parser = Parser::with_limits(Layout::JsonList, unbounded);
    let found = parser.feed(of_value(&nested(Limits::MAX_DEPTH as usize)).as_bytes());
    assert_eq!(parser.status(), Status::Complete);
    let Step::ArgValue { value, .. } = &found[0].step else { panic!("{found:?}") };
    assert_eq!(value.to_json().to_string(), nested(Limits::MAX_DEPTH as usize));
}
