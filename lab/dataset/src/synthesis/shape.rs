//! Parameters read from a schema.

use serde_json::{Map, Value};

use super::kinds::{ANY_KIND, examples, kind_of};
use super::number::Range;
use super::signature::{Parameter, Shape};

/// How often a query gives a parameter that its schema has a default for, and does not call optional.
const WITH_DEFAULT: f64 = 0.8;
/// How often it gives one that may be left out.
const OPTIONAL: f64 = 0.3;
/// How many of a tool's parameters a query gives where nothing says which are required.
const OF_UNMARKED: f64 = 1.7;
/// Deepest nesting of lists and objects that values are made for.
const MAX_DEPTH: usize = 4;

/// A member of a JSON object.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.get(name)
}

/// The parameters of a normalised schema, with what only the parameters as `written` say. None if one that
/// is required can have no value made for it.
pub(super) fn parameters_of(schema: &Value, written: &Value) -> Option<Vec<Parameter>> {
    let mut parameters = members_of(schema, 0)?;
    let properties = member(written, "properties").unwrap_or(written);
    let unmarked = parameters.iter().all(|parameter| parameter.mention < 1.0 && parameter.default.is_none());
    let count = parameters.len() as f64;
    for parameter in &mut parameters {
        let type_name = member(properties, &parameter.name).and_then(|written| member(written, "type"));
        let optional = type_name.and_then(Value::as_str).is_some_and(|name| name.contains("ptional"));
        if parameter.mention < 1.0 {
            parameter.mention = match parameter.default {
                None if unmarked && !optional => (OF_UNMARKED / count).min(0.85),
                Some(_) if !optional => WITH_DEFAULT,
                _ => OPTIONAL,
            };
        }
    }
    Some(parameters)
}

fn members_of(schema: &Value, depth: usize) -> Option<Vec<Parameter>> {
    let none = Map::new();
    let properties = member(schema, "properties").and_then(Value::as_object).unwrap_or(&none);
    let required = member(schema, "required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    let mut members = Vec::with_capacity(properties.len());
    for (name, property) in properties {
        match parameter(name, property, depth) {
            Some(found) => {
                let mention = if is_required(name) { 1.0 } else { OPTIONAL };
                members.push(Parameter { mention, ..found });
            }
            None if is_required(name) => return None,
            None => {}
        }
    }
    Some(members)
}

/// A parameter of this schema, or an element that goes by the list's name.
fn parameter(name: &str, schema: &Value, depth: usize) -> Option<Parameter> {
    let described = member(schema, "description").and_then(Value::as_str).unwrap_or_default();
    let default = member(schema, "default").filter(|default| !default.is_null()).cloned();
    let (shape, kind) = shape(name, described, schema, depth)?;
    Some(Parameter {
        name: name.to_owned(),
        description: described.to_owned(),
        examples: if matches!(shape, Shape::Text) { examples(described) } else { Vec::new() },
        shape,
        kind,
        mention: OPTIONAL,
        default,
        phrases: Vec::new(),
        saying: None,
    })
}

fn shape(name: &str, description: &str, schema: &Value, depth: usize) -> Option<(Shape, &'static str)> {
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(first) = member(schema, "anyOf").and_then(|list| list.get(0)) {
        return shape(name, description, first, depth + 1);
    }
    if let Some(choices) = member(schema, "enum").and_then(Value::as_array) {
        let choices: Vec<Value> = choices.iter().filter(|choice| !choice.is_null()).cloned().collect();
        return (!choices.is_empty()).then_some((Shape::Choice(choices), ANY_KIND));
    }
    let type_name = match member(schema, "type") {
        Some(Value::Array(names)) => names.iter().find_map(Value::as_str).filter(|name| *name != "null"),
        found => found.and_then(Value::as_str),
    };
    match type_name.unwrap_or("string") {
        "string" => Some((Shape::Text, kind_of(name, description, "text"))),
        "integer" => {
            let kind = kind_of(name, description, "integer");
            Some((Shape::Number(range(schema, Range::WHOLE)), kind))
        }
        "number" => {
            let kind = kind_of(name, description, "number");
            Some((Shape::Number(range(schema, Range::ANY)), kind))
        }
        "boolean" => Some((Shape::Flag, ANY_KIND)),
        "array" => list(name, description, schema, depth).map(|shape| (shape, ANY_KIND)),
        "object" => {
            let members = members_of(schema, depth + 1).filter(|members| !members.is_empty())?;
            Some((Shape::Object(members), ANY_KIND))
        }
        _ => None,
    }
}

fn range(schema: &Value, widest: Range) -> Range {
    let bound = |name: &str| member(schema, name).and_then(Value::as_f64);
    let step = if widest.whole { 1.0 } else { 0.01 };
    let low = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|low| low + step));
    let high = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|high| high - step));
    Range { low: low.unwrap_or(widest.low), high: high.unwrap_or(widest.high), ..widest }
}

fn list(name: &str, description: &str, schema: &Value, depth: usize) -> Option<Shape> {
    if let Some(elements) = member(schema, "prefixItems").and_then(Value::as_array) {
        let elements: Option<Vec<Parameter>> =
            elements.iter().map(|element| parameter(name, element, depth + 1)).collect();
        return elements.map(Shape::Tuple);
    }
    let singular = name.strip_suffix('s').unwrap_or(name);
    let items = member(schema, "items").filter(|items| items.as_object().is_some_and(|map| !map.is_empty()));
    let element = match items {
        Some(items) => parameter(singular, items, depth + 1)?,
        None => element_by_name(singular, description),
    };
    Some(Shape::List(Box::new(element)))
}

/// What a list holds whose schema does not say: numbers where its words say so, and texts else.
fn element_by_name(name: &str, description: &str) -> Parameter {
    const NUMBERS: [&str; 10] = [
        "number",
        "value",
        "score",
        "integer",
        "data point",
        "price",
        "amount",
        "coordinat",
        "grade",
        "nums",
    ];
    let said = format!("{name} {description}").to_lowercase();
    let numbers = NUMBERS.iter().any(|word| said.contains(word));
    let shape = if numbers { Shape::Number(Range::WHOLE) } else { Shape::Text };
    let kind = if numbers { "int" } else { kind_of(name, description, "text") };
    Parameter {
        name: name.to_owned(),
        description: description.to_owned(),
        shape,
        kind,
        mention: 1.0,
        default: None,
        examples: Vec::new(),
        phrases: Vec::new(),
        saying: None,
    }
}
