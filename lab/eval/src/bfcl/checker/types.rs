//! Types of arguments.

use super::Fault;
use crate::python::{PyType, PyValue};

/// What a function declares of a parameter.
pub(super) struct Declared {
    pub(super) kind: PyType,
    /// The type of elements, where the type is one of lists.
    pub(super) elements: Option<PyType>,
    /// Whether an integer is taken for the float that it equals. Inside lists and dicts it never is.
    pub(super) takes_integers: bool,
}

/// How a value has the right type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matched {
    /// It has the declared one.
    Type,
    /// It has the right values' type, which is another: BFCL calls this a variable.
    Variable,
}

impl Declared {
    /// Reads a parameter's declaration.
    pub(super) fn read(declaration: &PyValue) -> Result<Declared, Fault> {
        let name = declaration.get("type").and_then(PyValue::as_str).ok_or(Fault::CRASH)?;
        let elements = match name {
            "array" | "tuple" => {
                let name = declaration.get("items").and_then(|items| items.get("type"));
                Some(python_type(name.and_then(PyValue::as_str).ok_or(Fault::CRASH)?)?)
            }
            _ => None,
        };
        Ok(Declared { kind: python_type(name)?, elements, takes_integers: name == "float" })
    }
}

/// The Python type of BFCL's name of it.
fn python_type(name: &str) -> Result<PyType, Fault> {
    match name {
        "string" | "any" => Ok(PyType::Str),
        "integer" => Ok(PyType::Int),
        "float" => Ok(PyType::Float),
        "boolean" => Ok(PyType::Bool),
        "array" | "tuple" => Ok(PyType::List),
        "dict" => Ok(PyType::Dict),
        _ => Err(Fault::CRASH),
    }
}

/// Checks a value's type, and that of its elements. What the right values are lists of is looked at too:
/// an element may have the type of the first of these.
pub(super) fn check_type(
    value: &PyValue,
    declared: PyType,
    elements: Option<PyType>,
    options: &[PyValue],
) -> Result<Matched, Fault> {
    let rights = options.iter().find(|option| !option.is_empty_text()).map(PyValue::kind);
    let has_rights = rights == Some(value.kind());
    if value.kind() == declared {
        let others = rights.is_some_and(|rights| rights != declared);
        let matched = if others { Matched::Variable } else { Matched::Type };
        let fits = match (elements, value) {
            (Some(elements), PyValue::List(values)) => {
                options.iter().any(|option| elements_fit(values, elements, option))
            }
            _ => true,
        };
        return match (fits, has_rights) {
            (true, _) => Ok(matched),
            (false, true) => Err(Fault::new("type_error:nested")),
            (false, false) => Err(Fault::new("type_error:simple")),
        };
    }
    if has_rights { Ok(Matched::Variable) } else { Err(Fault::new("type_error:simple")) }
}

/// Whether the elements have their type, seen beside one right list. Beside what is no list they do.
fn elements_fit(values: &[PyValue], elements: PyType, option: &PyValue) -> bool {
    option
        .as_list()
        .is_none_or(|rights| values.iter().all(|value| check_type(value, elements, None, rights).is_ok()))
}
