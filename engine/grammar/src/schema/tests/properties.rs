//! Nothing that a caller sends makes this module panic, hang or overflow.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{Fault, ToolSet, normalize};
use super::tool;
use crate::Call;

/// Any JSON, with the words of schemas far more often than chance would have them.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "type",
            "properties",
            "required",
            "optional",
            "items",
            "anyOf",
            "allOf",
            "oneOf",
            "not",
            "enum",
            "default",
            "nullable",
            "$ref",
            "$defs",
            "$id",
            "additionalProperties",
            "unevaluatedProperties",
            "patternProperties",
            "prefixItems",
            "additionalItems",
            "minimum",
            "exclusiveMinimum",
            "pattern",
            "description",
            "dependentSchemas",
            "const",
            "a",
            "b",
        ]),
        Just("x/y~"),
    ];
    let string = prop_oneof![
        3 => prop::sample::select(vec![
            "dict", "object", "str", "string", "int", "float", "array", "any", "List[int]", "Optional[str]",
            "str, optional", "Tuple[int, ...]", "#", "#/$defs/a", "#/properties/b", "http://a/b", "True", "null",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ];
    let leaf = prop_oneof![
        4 => string.prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        let member = (word.clone(), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            4 => prop::collection::vec(member, 0..5)
                .prop_map(|members| members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_normalized_or_refused(parameters in any_json()) {
        let Ok(schema) = normalize(&parameters) else { return Ok(()) };
        prop_assert_eq!(&schema["type"], "object");
        prop_assert!(schema["properties"].is_object());
    }

    #[test]
    fn any_parameters_compile_or_are_refused(
        parameters in any_json(),
        arguments in prop::collection::vec(("[a-b]", any_json()), 0..3),
    ) {
        match ToolSet::compile(&[tool(&parameters.to_string())]) {
            Ok(tools) => {
                let arguments: Map<String, Value> = arguments.into_iter().collect();
                let call = Call::from_json("f", &Value::Object(arguments).to_string()).unwrap();
                let _ = tools.validate(&call);
            }
            Err(error) => {
                prop_assert!(error.to_string().contains("tools[0].parameters (`f`)"));
                // The caller's dialect is understood before the validator sees it.
                let schemas_own = matches!(
                    error.fault,
                    Fault::Refused { .. } | Fault::DanglingReference | Fault::Entangled
                );
                prop_assert!(schemas_own || normalize(&parameters).is_err());
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(parameters in "\\PC*", name in "\\PC{1,8}") {
        let _ = ToolSet::compile(&[tool(&parameters)]);
        let _ = ToolSet::compile(&[tool(&json!({"a": {"type": name}}).to_string())]);
    }

    #[test]
    fn any_string_with_brackets_is_read_as_a_type_or_refused(name in "[Listr\\[\\](), .|'\"0-9o]{0,40}") {
        let _ = ToolSet::compile(&[tool(&json!({"a": {"type": name}}).to_string())]);
    }
}

#[test]
fn the_deepest_schemas_and_arguments_fit_the_stack() {
    let levels = 31;
    let open = r#"{"type": "object", "properties": {"c": "#.repeat(levels);
    let deepest = format!("{open}true{}", "}}".repeat(levels));
    let recursive = r##"{"type": "object", "properties": {"c": {"anyOf": [{"allOf": [{"$ref": "#/$defs/n"}]}]}},
        "$defs": {"n": {"anyOf": [{"properties": {"c": {"anyOf": [{"allOf": [{"$ref": "#/$defs/n"}]}]}}}]}}}"##;
    let arguments = format!("{}1{}", r#"{"c": "#.repeat(60), "}".repeat(60));
    let call = Call::from_json("f", &arguments).unwrap();
    for parameters in [&deepest, recursive] {
        let tools = ToolSet::compile(&[tool(parameters)]).unwrap();
        let _ = tools.validate(&call);
    }
}
