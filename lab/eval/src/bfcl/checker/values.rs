//! Values of arguments that have the declared type. Each is compared with a list of right ones, in which
//! the empty string says that the argument may be left out.

use std::borrow::Cow;

use super::Fault;
use crate::python::{PyDict, PyValue};

/// Strings are compared in this form: in lower case, without spaces and some punctuation, with one kind
/// of quotes.
fn standardized(text: &str) -> String {
    const IGNORED: [char; 8] = [' ', ',', '.', '/', '-', '_', '*', '^'];
    text.replace(IGNORED, "").to_lowercase().replace('\'', "\"")
}

/// A value of that form, if it is a string. What lies inside lists and dicts stays as it is.
fn form(value: &PyValue) -> Cow<'_, PyValue> {
    match value {
        PyValue::Str(text) => Cow::Owned(PyValue::Str(standardized(text))),
        value => Cow::Borrowed(value),
    }
}

pub(super) fn check_string(text: &str, options: &[PyValue]) -> Result<(), Fault> {
    let text = standardized(text);
    let is_right = options.iter().filter_map(PyValue::as_str).any(|option| standardized(option) == text);
    if is_right { Ok(()) } else { Err(Fault::new("value_error:string")) }
}

/// An empty list passes where the argument may be left out: the empty string has as many elements.
pub(super) fn check_list(elements: &[PyValue], options: &[PyValue]) -> Result<(), Fault> {
    let options = options.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let elements: Vec<_> = elements.iter().map(form).collect();
    let is_right = options.iter().any(|option| {
        option.len() == elements.len()
            && option.iter().zip(&elements).all(|(a, b)| form(a).as_ref() == b.as_ref())
    });
    if is_right { Ok(()) } else { Err(Fault::new("value_error:list/tuple")) }
}

/// What Python reads by index, from 0 to the length.
fn items(value: &PyValue) -> Result<Cow<'_, [PyValue]>, Fault> {
    match value {
        PyValue::List(elements) => Ok(Cow::Borrowed(elements)),
        PyValue::Str(text) => Ok(text.chars().map(|c| PyValue::Str(c.to_string())).collect()),
        PyValue::Dict(dict) if dict.len() == 0 => Ok(Cow::Borrowed(&[])),
        _ => Err(Fault::CRASH),
    }
}

/// A right dict has a list of right values per key.
pub(super) fn check_dict(dict: &PyDict, options: &[PyValue]) -> Result<(), Fault> {
    let mut found = Fault::new("dict_checker:unclear");
    for option in options.iter().filter(|option| !option.is_empty_text()) {
        match against(dict, option)? {
            None => return Ok(()),
            Some(fault) => found = fault,
        }
    }
    Err(found)
}

/// What is wrong with a dict, seen beside one right dict. The outer error is a crash.
fn against(dict: &PyDict, option: &PyValue) -> Result<Option<Fault>, Fault> {
    let right = option.as_dict().ok_or(Fault::CRASH)?;
    let mut found = None;
    for (key, value) in dict.iter() {
        let Some(options) = right.get(key) else {
            found = Some(Fault::new("value_error:dict_key"));
            break;
        };
        if !items(options)?.iter().any(|option| form(option) == form(value)) {
            found = Some(Fault::new("value_error:dict_value"));
            break;
        }
    }
    for (key, options) in right.iter() {
        if dict.get(key).is_none() && !holds_empty_text(options)? {
            return Ok(Some(Fault::new("value_error:dict_key")));
        }
    }
    Ok(found)
}

/// Python's `"" in value`.
fn holds_empty_text(value: &PyValue) -> Result<bool, Fault> {
    match value {
        PyValue::List(elements) => Ok(elements.iter().any(PyValue::is_empty_text)),
        PyValue::Str(_) => Ok(true),
        PyValue::Dict(dict) => Ok(dict.get("").is_some()),
        _ => Err(Fault::CRASH),
    }
}

/// Lists of dicts, which are compared place by place.
pub(super) fn check_dicts(dicts: &[PyValue], options: &[PyValue]) -> Result<(), Fault> {
    let mut found = Fault::new("list_dict_checker:unclear");
    for option in options {
        match dicts_against(dicts, option) {
            Ok(()) => return Ok(()),
            Err(Fault::CRASH) => return Err(Fault::CRASH),
            Err(fault) => found = fault,
        }
    }
    Err(found)
}

fn dicts_against(dicts: &[PyValue], option: &PyValue) -> Result<(), Fault> {
    let length = match option {
        PyValue::Dict(dict) => dict.len(),
        option => items(option)?.len(),
    };
    if length != dicts.len() {
        return Err(Fault::new("value_error:list_dict_count"));
    }
    let rights = items(option)?;
    dicts.iter().zip(rights.iter()).try_for_each(|(dict, right)| {
        check_dict(dict.as_dict().ok_or(Fault::CRASH)?, std::slice::from_ref(right))
    })
}
