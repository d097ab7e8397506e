//! The canonical text of values, and when two are the same decision.

use toolbeam_grammar::Value;

/// What Python's `json.dumps(json.loads(raw), ensure_ascii=False)` gives for `raw`.
const PYTHON: &[(&str, &str)] = &[
    ("null", "null"),
    (" true ", "true"),
    ("false", "false"),
    ("0", "0"),
    ("-0", "0"),
    ("-17", "-17"),
    ("100000000000000000000000000", "100000000000000000000000000"),
    ("-0.0", "-0.0"),
    ("5.0", "5.0"),
    ("2.50", "2.5"),
    ("1e2", "100.0"),
    ("1E+2", "100.0"),
    ("1e-2", "0.01"),
    ("1e15", "1000000000000000.0"),
    ("1e16", "1e+16"),
    ("1e22", "1e+22"),
    ("-1e16", "-1e+16"),
    ("123456789012345680.0", "1.2345678901234568e+17"),
    ("1.5e300", "1.5e+300"),
    ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ("0.0001", "0.0001"),
    ("0.00001", "1e-05"),
    ("1.5e-7", "1.5e-07"),
    ("-2.5e-10", "-2.5e-10"),
    ("5e-324", "5e-324"),
    ("1e-400", "0.0"),
    ("0.1", "0.1"),
    ("0.30000000000000004", "0.30000000000000004"),
    ("12345678.9", "12345678.9"),
    (r#""""#, r#""""#),
    (r#""a\/b""#, r#""a/b""#),
    (r#""\u0041\u00e9\ud83d\ude00""#, r#""Aé😀""#),
    (r#""\"\\\b\f\n\r\t""#, r#""\"\\\b\f\n\r\t""#),
    (r#""\u0000\u001F\u007f\u2028""#, "\"\\u0000\\u001f\u{7f}\u{2028}\""),
    ("[]", "[]"),
    ("{}", "{}"),
    ("[1,2 , [ 3 ]]", "[1, 2, [3]]"),
    (r#"{"b":1,"a":{"d":[],"c":{}}}"#, r#"{"b": 1, "a": {"d": [], "c": {}}}"#),
    (r#"{"a":1,"b":2,"a":3}"#, r#"{"a": 3, "b": 2}"#),
    (r#"{"\u0061":1e2,"a":[1E0]}"#, r#"{"a": [1.0]}"#),
    (r#"[[[]],{"x":[{}]}]"#, r#"[[[]], {"x": [{}]}]"#),
];

#[test]
fn canonical_text_is_pythons() {
    for (raw, expected) in PYTHON {
        let value = Value::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!(value.as_str(), *expected, "{raw}");
        assert_eq!(value.to_string(), *expected);
    }
}

#[test]
fn refusals_say_where() {
    for (raw, expected) in [
        ("", "malformed at byte 0: text ends too early: close what is open"),
        (" tru", "malformed at byte 4: text ends too early: close what is open"),
        ("\"a", "malformed at byte 2: text ends too early: close what is open"),
        ("-", "malformed at byte 1: text ends too early: close what is open"),
        ("[1", "malformed at byte 2: text ends too early: close what is open"),
        ("1 2", "malformed at byte 2: unexpected byte '2': expected nothing after the value"),
        ("1]", "malformed at byte 1: unexpected byte ']': expected nothing after the value"),
        ("{}}", "malformed at byte 2: unexpected byte '}': expected nothing after the value"),
        ("01", "malformed at byte 1: unexpected byte '1': expected the end of a number or literal"),
        ("1.e2", "malformed at byte 2: unexpected byte 'e': expected the rest of a number"),
        ("nulL", "malformed at byte 3: unexpected byte 'L': expected the rest of true, false or null"),
        ("[1}", "malformed at byte 2: unexpected byte '}': expected ',' or ']'"),
        ("{\"a\":1]", "malformed at byte 6: unexpected byte ']': expected ',' or '}'"),
        ("[,", "malformed at byte 1: unexpected byte ',': expected a value"),
        ("{\"a\"}", "malformed at byte 4: unexpected byte '}': expected ':'"),
        ("{\"a\":1,}", "malformed at byte 7: unexpected byte '}': expected a key in quotes"),
        ("1e309", "malformed at byte 5: number is outside the range of a 64-bit float: use a smaller one"),
        ("NaN", "malformed at byte 0: unexpected byte 'N': expected a value"),
    ] {
        let error = Value::parse(raw).expect_err(raw);
        assert_eq!(error.to_string(), expected, "{raw}");
    }
}

#[test]
fn equality_is_that_of_decisions() {
    for (left, right, equal) in [
        ("5", "5.0", false),
        ("5.0", "5e0", true),
        ("100.0", "1e2", true),
        ("-0", "0", true),
        ("-0.0", "0.0", true),
        ("0", "0.0", false),
        ("1", "\"1\"", false),
        ("1", "true", false),
        ("10000000000000000000000", "10000000000000000000001", false),
        (r#""é""#, r#""\u00e9""#, true),
        (r#""a""#, r#""A""#, false),
        (r#"{"a":1,"b":[{"c":0.0,"d":2}]}"#, r#"{"b":[{"d":2,"c":-0.0}],"a":1}"#, true),
        (r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, false),
        (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
        (r#"{"a":2,"a":1}"#, r#"{"a":1}"#, true),
        ("[1,2]", "[2,1]", false),
        (r#"{"a, b":1}"#, r#"{"a":1,"b":1}"#, false),
    ] {
        let [one, other] = [left, right].map(|raw| Value::parse(raw).expect(raw));
        assert_eq!(one == other, equal, "{left} and {right}");
    }
}
