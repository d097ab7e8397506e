//! JSON that is likely to mean something where tools are declared.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Deeper values are rare, and the raw text reaches any depth.
const MAX_DEPTH: usize = 12;

const WORDS: &[&str] = &[
    "type",
    "properties",
    "required",
    "items",
    "prefixItems",
    "additionalProperties",
    "enum",
    "const",
    "default",
    "description",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
    "$id",
    "$anchor",
    "$dynamicRef",
    "$schema",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "patternProperties",
    "propertyNames",
    "format",
    "nullable",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "multipleOf",
    "optional",
    "a",
    "b",
    "",
    "object",
    "dict",
    "string",
    "str",
    "integer",
    "int",
    "number",
    "float",
    "boolean",
    "bool",
    "array",
    "list",
    "tuple",
    "null",
    "any",
    "List[int]",
    "Dict[str, int]",
    "Tuple[int, ...]",
    "Union[int, str]",
    "Optional[str]",
    "str, optional",
    "Literal['a']",
    "#",
    "#/$defs/a",
    "#/properties/a",
    "#a",
    "http://x/y",
    "^a*$",
    "(a+)+$",
];

/// A value whose keys and strings are mostly those of schemas, in every dialect.
///
/// # Errors
/// The data do not suffice.
pub fn value(u: &mut Unstructured<'_>) -> Result<Value> {
    nested(u, MAX_DEPTH)
}

fn nested(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let kinds = if depth == 0 { 4 } else { 8 };
    Ok(match u.int_in_range(0..=kinds)? {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => number(u)?,
        3 | 4 => string(u)?.into(),
        5 => {
            let length = u.int_in_range(0..=4)?;
            (0..length).map(|_| nested(u, depth - 1)).collect::<Result<Value>>()?
        }
        _ => {
            let length = u.int_in_range(0..=5)?;
            let members = (0..length).map(|_| Ok((string(u)?, nested(u, depth - 1)?)));
            Value::Object(members.collect::<Result<Map<String, Value>>>()?)
        }
    })
}

fn number(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=3)? {
        0 => u.int_in_range(-2..=5)?.into(),
        1 => u.arbitrary::<i64>()?.into(),
        2 => u.arbitrary::<u64>()?.into(),
        _ => json!(u.arbitrary::<f64>()?),
    })
}

fn string(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 8)? { u.arbitrary() } else { Ok((*u.choose(WORDS)?).to_owned()) }
}
