//! What each dialect is normalised to.

use serde_json::{Value, json};

use super::super::normalize;
use super::super::type_name;
use super::compile;

/// `parameters` normalise to `expected`, and that compiles and is its own normal form.
fn check(parameters: Value, expected: Value) {
    assert_eq!(normalize(&parameters).as_ref(), Ok(&expected), "{parameters}");
    assert_eq!(normalize(&expected).as_ref(), Ok(&expected), "{parameters}: not stable");
    let tools = compile(&parameters.to_string());
    assert_eq!(tools.schema("f"), Some(&expected));
}

/// A flat map of one parameter has this schema inside.
fn check_parameter(parameter: Value, expected: Value) {
    let schema = normalize(&json!({ "x": parameter })).unwrap();
    assert_eq!(schema["properties"]["x"], expected, "{parameter}");
    compile(&json!({ "x": parameter }).to_string());
}

/// The names that must be given.
fn check_required(parameters: Value, expected: &[&str]) {
    let schema = normalize(&parameters).unwrap();
    let required = schema.get("required").cloned().unwrap_or(json!([]));
    assert_eq!(required, json!(expected), "{parameters}");
}

#[test]
fn nothing_means_no_arguments() {
    let none = json!({"type": "object", "properties": {}, "additionalProperties": false});
    for nothing in [json!(null), json!({}), json!({"type": "object"}), json!({"properties": {}})] {
        check(nothing, none.clone());
    }
    check(json!({"type": "dict", "properties": {}, "required": []}), none.clone());
    for text in ["", "  \n", "null", "{}"] {
        assert_eq!(compile(text).schema("f"), Some(&none), "{text:?}");
    }
}

#[test]
fn json_schema_passes_through() {
    check(
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "where", "minLength": 1},
                "at": {"$ref": "#/$defs/At"},
                "days": {"type": ["integer", "null"], "default": null},
                "free": {"type": "object", "properties": {"a": {"type": "string"}}},
            },
            "required": ["city"],
            "$defs": {"At": {"anyOf": [{"type": "string", "format": "date"}, {"type": "number"}]}},
        }),
        json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "where", "minLength": 1},
                "at": {"$ref": "#/$defs/At"},
                "days": {"type": ["integer", "null"], "default": null},
                "free": {"type": "object", "properties": {"a": {"type": "string"}}},
            },
            "required": ["city"],
            "$defs": {"At": {"anyOf": [{"type": "string", "format": "date"}, {"type": "number"}]}},
            "additionalProperties": false,
        }),
    );
}

#[test]
fn openness_is_kept_and_closing_looks_behind_references() {
    for keyword in ["additionalProperties", "unevaluatedProperties"] {
        for value in [json!(true), json!(false), json!({"type": "string"})] {
            let schema = json!({"type": "object", "properties": {}, keyword: value});
            check(schema.clone(), schema);
        }
    }
    let mut schema = json!({
        "type": "object",
        "properties": {},
        "allOf": [{"$ref": "#/$defs/a"}],
        "$defs": {"a": {"properties": {"x": {}}}},
    });
    let given = schema.clone();
    schema["unevaluatedProperties"] = json!(false);
    check(given, schema);
}

#[test]
fn spellings_of_older_drafts_are_read() {
    let given = json!({"type": "object", "properties": {
        "pair": {"type": "array", "items": [{"type": "string"}, {"type": "int"}], "additionalItems": false},
        "over": {"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false},
        "maybe": {"type": "string", "enum": ["a"], "nullable": true, "required": true},
    }});
    check(
        given,
        json!({
            "type": "object",
            "properties": {
                "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false},
                "over": {"type": "number", "minimum": 0, "exclusiveMinimum": 0, "maximum": 9},
                "maybe": {"type": ["string", "null"], "enum": ["a", null]},
            },
            "required": ["maybe"],
            "additionalProperties": false,
        }),
    );
}

#[test]
fn bfcl_is_translated_at_every_level() {
    check(
        json!({
            "type": "dict",
            "properties": {
                "price": {"type": "float", "description": "in EUR"},
                "ego": {"type": "dict", "properties": {"position": {"type": "tuple", "items": {"type": "float"}}}},
                "boxes": {"type": "array", "items": {"type": "dict"}},
                "value": {"type": "any"},
                "radius": {"type": "integer", "optional": "true"},
            },
            "required": ["price", "ego", "radius"],
            "optional": ["ego"],
        }),
        json!({
            "type": "object",
            "properties": {
                "price": {"type": "number", "description": "in EUR"},
                "ego": {
                    "type": "object",
                    "properties": {"position": {"type": "array", "items": {"type": "number"}}},
                    "additionalProperties": false,
                },
                "boxes": {"type": "array", "items": {"type": "object"}},
                "value": {},
                "radius": {"type": "integer"},
            },
            "required": ["price"],
            "additionalProperties": false,
        }),
    );
}

#[test]
fn flat_parameters_are_read_as_their_authors_meant_them() {
    let cases = [
        (
            json!({"type": "str", "unit": "kg", "example": 3, "examples": "a", "description": "d"}),
            json!({"type": "string", "description": "d"}),
        ),
        (json!({}), json!({})),
        (json!({"type": "int", "default": null}), json!({"type": ["integer", "null"], "default": null})),
        (
            json!({"type": "int, optional", "default": ""}),
            json!({"default": "", "anyOf": [{"type": "integer"}, {"const": ""}]}),
        ),
        (
            json!({"type": "boolean", "enum": ["True", "False", "dontcare"]}),
            json!({"type": "boolean", "enum": [true, false]}),
        ),
        (
            json!({"type": "integer", "enum": ["1", "2", "dontcare"], "default": "dontcare"}),
            json!({"default": "dontcare", "anyOf": [{"type": "integer", "enum": [1, 2]}, {"const": "dontcare"}]}),
        ),
        (json!({"type": "integer", "enum": ["low", "high"]}), json!({"type": "integer"})),
        (
            json!({"type": "str", "enum": ["a", null]}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
        ),
        (
            json!({"type": "array", "items": {"type": "str"}, "enum": ["a", "b"], "default": []}),
            json!({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "default": []}),
        ),
        (json!({"type": "Literal['a', 1, True]"}), json!({"enum": ["a", 1, true]})),
    ];
    for (parameter, expected) in cases {
        check_parameter(parameter, expected);
    }
}

#[test]
fn flat_maps_say_in_three_ways_what_must_be_given() {
    check_required(json!({"a": {"type": "str", "required": true}, "b": {"type": "str"}}), &["a"]);
    check_required(json!({"a": {"type": "str", "required": "True"}, "b": {"default": 1}}), &["a"]);
    check_required(json!({"a": {"type": "str", "optional": false}, "b": {"type": "str"}}), &["a"]);
    check_required(json!({"a": {"type": "str", "required": false}, "b": {"type": "str"}}), &[]);
    check_required(json!({"a": {"type": "str", "required": true, "default": "x"}}), &["a"]);
    check_required(json!({"a": {"type": "str"}, "b": {"type": "int, optional"}}), &["a"]);
    check_required(json!({"a": {"type": "str"}, "b": {"type": "int", "default": 3}}), &["a"]);
    check_required(json!({"a": {"type": "str"}, "b": {"type": "Optional[int]"}}), &["a"]);
    check_required(json!({"a": {"type": "str"}, "b": {"type": "int"}}), &[]);
}

#[test]
fn parameters_may_be_named_like_keywords() {
    let string = json!({"type": "string", "description": "d"});
    for name in ["type", "properties", "items", "required", "anyOf", "description", "$ref", "enum"] {
        let schema = normalize(&json!({ name: string, "other": string })).unwrap();
        assert_eq!(schema["properties"][name], string, "{name}");
        let schema = normalize(&json!({ name: string })).unwrap();
        assert_eq!(schema["properties"][name], string, "{name} alone");
    }
    // And their like inside JSON Schema.
    let tree = json!({"properties": {"type": {"type": "string"}, "properties": {"type": "object"}}});
    let schema = normalize(&tree).unwrap();
    assert_eq!(schema["properties"]["type"], json!({"type": "string"}));
    assert_eq!(schema["properties"]["properties"], json!({"type": "object"}));
}

#[test]
fn type_names_of_every_dialect_are_known() {
    let int = || json!({"type": "integer"});
    let cases = [
        ("str", json!({"type": "string"})),
        ("STRING", json!({"type": "string"})),
        (" int ", int()),
        ("double", json!({"type": "number"})),
        ("bool", json!({"type": "boolean"})),
        ("NoneType", json!({"type": "null"})),
        ("any", json!({})),
        ("set", json!({"type": "array"})),
        ("Dict", json!({"type": "object"})),
        ("List[List[int]]", json!({"type": "array", "items": {"type": "array", "items": int()}})),
        ("list(str)", json!({"type": "array", "items": {"type": "string"}})),
        ("typing.List[int]", json!({"type": "array", "items": int()})),
        (
            "Dict[str, List[int]]",
            json!({"type": "object", "additionalProperties": {"type": "array", "items": int()}}),
        ),
        ("Optional[str]", json!({"type": ["string", "null"]})),
        ("Optional[Any]", json!({})),
        ("Union[int, str, int]", json!({"type": ["integer", "string"]})),
        ("int | None", json!({"type": ["integer", "null"]})),
        ("int or float", json!({"type": ["integer", "number"]})),
        ("Union[List[int], str]", json!({"anyOf": [{"type": "array", "items": int()}, {"type": "string"}]})),
        (
            "Tuple[int, str]",
            json!({"type": "array", "prefixItems": [int(), {"type": "string"}], "minItems": 2, "maxItems": 2}),
        ),
        ("Tuple[int, ...]", json!({"type": "array", "items": int()})),
        ("Callable[[float, List[int]], float]", json!({"type": "string"})),
        ("List[Optional[int]]", json!({"type": "array", "items": {"type": ["integer", "null"]}})),
        ("str, required", json!({"type": "string"})),
    ];
    for (name, expected) in cases {
        let named = type_name::parse(name);
        let schema = named.as_ref().map(|named| Value::Object(named.schema.clone()));
        assert_eq!(schema, Ok(expected), "{name}");
        assert_eq!(named.unwrap().optional, name == "Optional[str]" || name == "Optional[Any]", "{name}");
    }
    for name in ["str, optional", "int,optional", "str, optional, default 'a, b'", "str, default: 3"] {
        assert!(type_name::parse(name).unwrap().optional, "{name}");
    }
}

#[test]
fn other_type_names_are_refused() {
    let nested = "List[".repeat(17) + "int" + &"]".repeat(17);
    let long = "a".repeat(2000);
    let cases = [
        "",
        "text",
        "List[",
        "List[]",
        "List[int",
        "List[int]]",
        "List[int)",
        "List[int, str]",
        "Dict[str]",
        "Tuple[]",
        "Tuple[..., int]",
        "int str",
        "int |",
        "str, sometimes",
        "Literal['a]",
        "Literal[x]",
        "[int]",
        "Callable[[int]",
        "Optional[int, str]",
        "str[int]",
        "ин",
        &nested,
        &long,
    ];
    for name in cases {
        assert!(type_name::parse(name).is_err(), "{name}");
    }
}
