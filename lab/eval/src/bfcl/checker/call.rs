//! One call against one right call.

use super::decode::Decoded;
use super::types::{Declared, Matched, check_type};
use super::values::{check_dict, check_dicts, check_list, check_string};
use super::{Fault, Right};
use crate::python::{PyType, PyValue, to_float};

/// Checks a call against the right one, whose function is declared by `function`.
pub(super) fn check_call(function: &PyValue, call: &Decoded, right: &Right) -> Result<(), Fault> {
    let name = function.get("name").ok_or(Fault::CRASH)?;
    let parameters = function.get("parameters").ok_or(Fault::CRASH)?;
    let declared = parameters.get("properties").and_then(PyValue::as_dict).ok_or(Fault::CRASH)?;
    let required = parameters.get("required").and_then(PyValue::as_list).ok_or(Fault::CRASH)?;
    if call.name.as_deref() != name.as_str() {
        return Err(Fault::new("simple_function_checker:wrong_func_name"));
    }
    let is_given = |name: &PyValue| name.as_str().is_some_and(|name| call.arguments.get(name).is_some());
    if !required.iter().all(is_given) {
        return Err(Fault::new("simple_function_checker:missing_required"));
    }
    for (name, value) in call.arguments.iter() {
        let (Some(declared), Some(options)) = (declared.get(name), right.options.get(name)) else {
            return Err(Fault::new("simple_function_checker:unexpected_param"));
        };
        check_argument(value, &Declared::read(declared)?, options.as_list().ok_or(Fault::CRASH)?)?;
    }
    for (name, options) in right.options.iter() {
        let options = options.as_list().ok_or(Fault::CRASH)?;
        if call.arguments.get(name).is_none() && !options.iter().any(PyValue::is_empty_text) {
            return Err(Fault::new("simple_function_checker:missing_optional"));
        }
    }
    Ok(())
}

fn check_argument(value: &PyValue, declared: &Declared, options: &[PyValue]) -> Result<(), Fault> {
    let float;
    let value = match value {
        PyValue::Int(integer) if declared.takes_integers => {
            float = PyValue::Float(to_float(integer).ok_or(Fault::CRASH)?);
            &float
        }
        value => value,
    };
    let matched = check_type(value, declared.kind, declared.elements, options)?;
    if matched == Matched::Type {
        match value {
            PyValue::Dict(dict) => return check_dict(dict, options),
            PyValue::List(elements) if declared.elements == Some(PyType::Dict) => {
                return check_dicts(elements, options);
            }
            PyValue::List(elements) => return check_list(elements, options),
            PyValue::Str(text) => return check_string(text, options),
            _ => {}
        }
    }
    if options.contains(value) { Ok(()) } else { Err(Fault::new("value_error:others")) }
}
