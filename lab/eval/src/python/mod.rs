//! JSON as Python reads and compares it, for verdicts that Python code gave first.

use std::borrow::Cow;

use jiter::JsonValue;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

mod text;

/// A value that `json.loads` makes. Equality is Python's `==`: `True`, `1` and `1.0` are equal, the order
/// of a dict's keys does not count, and NaN equals nothing.
#[derive(Debug, Clone)]
pub(crate) enum PyValue {
    None,
    Bool(bool),
    Int(BigInt),
    Float(f64),
    Str(String),
    List(Vec<PyValue>),
    Dict(PyDict),
}

/// A dict, in the order in which its keys came. A key that came twice has its last value.
#[derive(Debug, Clone, Default)]
pub(crate) struct PyDict(Vec<(String, PyValue)>);

/// What Python's `type` tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PyType {
    None,
    Bool,
    Int,
    Float,
    Str,
    List,
    Dict,
}

impl PyValue {
    /// Reads what `json.loads` reads, NaN and infinities among it, and integers of up to 4,300 digits. Two
    /// things that Python takes are refused: half of a surrogate pair, and nesting beyond 200 levels.
    pub(crate) fn parse(text: &str) -> Result<PyValue, String> {
        let value =
            JsonValue::parse(text.as_bytes(), true).map_err(|error| error.description(text.as_bytes()))?;
        Ok(PyValue::from(value))
    }

    pub(crate) fn kind(&self) -> PyType {
        match self {
            PyValue::None => PyType::None,
            PyValue::Bool(_) => PyType::Bool,
            PyValue::Int(_) => PyType::Int,
            PyValue::Float(_) => PyType::Float,
            PyValue::Str(_) => PyType::Str,
            PyValue::List(_) => PyType::List,
            PyValue::Dict(_) => PyType::Dict,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            PyValue::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[PyValue]> {
        match self {
            PyValue::List(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn as_dict(&self) -> Option<&PyDict> {
        match self {
            PyValue::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// A dict's value, or nothing where Python raises.
    pub(crate) fn get(&self, key: &str) -> Option<&PyValue> {
        self.as_dict()?.get(key)
    }

    /// Whether this is `""`.
    pub(crate) fn is_empty_text(&self) -> bool {
        self.as_str() == Some("")
    }
}

impl PyDict {
    pub(crate) fn get(&self, key: &str) -> Option<&PyValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &PyValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<JsonValue<'_>> for PyValue {
    fn from(value: JsonValue<'_>) -> PyValue {
        match value {
            JsonValue::Null => PyValue::None,
            JsonValue::Bool(value) => PyValue::Bool(value),
            JsonValue::Int(value) => PyValue::Int(value.into()),
            JsonValue::BigInt(value) => PyValue::Int(value),
            JsonValue::Float(value) => PyValue::Float(value),
            JsonValue::Str(text) => PyValue::Str(text.into_owned()),
            JsonValue::Array(elements) => {
                PyValue::List(elements.iter().cloned().map(PyValue::from).collect())
            }
            JsonValue::Object(members) => PyValue::Dict(members.iter().cloned().collect()),
        }
    }
}

impl<'a> FromIterator<(Cow<'a, str>, JsonValue<'a>)> for PyDict {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, JsonValue<'a>)>>(members: I) -> PyDict {
        let mut dict = PyDict::default();
        let mut places = std::collections::HashMap::new();
        for (key, value) in members {
            let place = *places.entry(key.clone()).or_insert(dict.0.len());
            match dict.0.get_mut(place) {
                Some((_, earlier)) => *earlier = value.into(),
                None => dict.0.push((key.into_owned(), value.into())),
            }
        }
        dict
    }
}

impl PartialEq for PyValue {
    fn eq(&self, other: &PyValue) -> bool {
        use PyValue::{Bool, Dict, Float, Int, List, None, Str};
        match (self, other) {
            (None, None) => true,
            (Str(a), Str(b)) => a == b,
            (List(a), List(b)) => a == b,
            (Dict(a), Dict(b)) => a == b,
            (Float(a), Float(b)) => a == b,
            (Float(float), number) | (number, Float(float)) => {
                number.integer().zip(exact(*float)).is_some_and(|(a, b)| *a == b)
            }
            (Bool(_) | Int(_), Bool(_) | Int(_)) => self.integer() == other.integer(),
            _ => false,
        }
    }
}

impl PartialEq for PyDict {
    fn eq(&self, other: &PyDict) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl PyValue {
    /// The integer that a bool or an int is.
    fn integer(&self) -> Option<Cow<'_, BigInt>> {
        match self {
            PyValue::Bool(value) => Some(Cow::Owned(BigInt::from(u8::from(*value)))),
            PyValue::Int(value) => Some(Cow::Borrowed(value)),
            _ => None,
        }
    }
}

/// The integer that a float is.
fn exact(float: f64) -> Option<BigInt> {
    (float.fract() == 0.0).then(|| BigInt::from_f64(float)).flatten()
}

/// Python's `float` of an int; nothing where it overflows, which raises.
pub(crate) fn to_float(integer: &BigInt) -> Option<f64> {
    integer.to_f64().filter(|float| float.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_as_in_python() {
        let check = |a: &str, b: &str, expected: bool| {
            let [a, b] = [a, b].map(|text| PyValue::parse(text).expect("JSON"));
            assert_eq!((a == b, b == a), (expected, expected), "{a:?} and {b:?}");
        };
        check("1", "1.0", true);
        check("true", "1", true);
        check("[0, {\"a\": 1.0}]", "[false, {\"a\": true}]", true);
        check("{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", true);
        check("{\"a\": 1, \"a\": 2}", "{\"a\": 2}", true);
        check("9007199254740993", "9007199254740992.0", false);
        check("100000000000000000000000", "1e23", false);
        check("99999999999999991611392", "1e23", true);
        check("1e999", "Infinity", true);
        check("NaN", "NaN", false);
        check("1", "\"1\"", false);
        check("null", "0", false);
        check("-0.0", "0", true);
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in ["", "[1,]", "{'a': 1}", "01", "[1] x", "\"\t\"", &"9".repeat(4301)] {
            assert!(PyValue::parse(text).is_err(), "{text}");
        }
        assert!(PyValue::parse(&"9".repeat(4300)).is_ok());
    }

    #[test]
    fn an_integer_beyond_floats_is_none() {
        assert_eq!(to_float(&BigInt::from(3)), Some(3.0));
        assert_eq!(to_float(&BigInt::from(10).pow(309)), None);
    }
}
