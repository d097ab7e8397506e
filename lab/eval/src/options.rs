//! BFCL's possible answers: a call with a list of values for each argument.

use std::collections::BTreeMap;

use serde::Deserialize;
use toolbeam_grammar::{Call, Value};

use crate::gold::{Equality, elements, members};

/// What BFCL's parameters say about types.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Declaration {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    properties: BTreeMap<String, Declaration>,
    #[serde(default)]
    required: Vec<String>,
    items: Option<Box<Declaration>>,
}

/// A call whose arguments may have several values. The rules are at [`Gold`](crate::Gold).
#[derive(Debug, Clone)]
pub(crate) struct OptionCall {
    name: String,
    arguments: Members,
}

/// The arguments of a call, or the members of an object in them.
#[derive(Debug, Clone)]
struct Members(Vec<Member>);

#[derive(Debug, Clone)]
struct Member {
    key: String,
    may_be_absent: bool,
    is_float: bool,
    options: Vec<Allowed>,
}

/// One value that an argument may have.
#[derive(Debug, Clone)]
enum Allowed {
    Value(Value),
    /// An object whose members have options of their own.
    Object(Members),
    /// An array of such objects.
    Objects(Vec<Members>),
}

impl OptionCall {
    /// The function's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The call of `name` with `arguments`, the JSON of an object of lists, of a tool that declares its
    /// parameters as `declared`. The error says what is wrong with the arguments.
    pub(crate) fn new(name: String, arguments: &str, declared: &Declaration) -> Result<OptionCall, String> {
        let arguments = Call::from_json("", arguments).map_err(|error| format!("{name}: {error}"))?.arguments;
        let arguments = Members::new(arguments, declared).map_err(|reason| format!("{name}: {reason}"))?;
        Ok(OptionCall { name, arguments })
    }

    pub(crate) fn accepts(&self, call: &Call, equality: Equality) -> bool {
        call.name == self.name && self.arguments.accept(&call.arguments, equality)
    }
}

impl Members {
    fn new(members: Vec<(String, Value)>, declared: &Declaration) -> Result<Members, String> {
        let undeclared = Declaration::default();
        let members = members.into_iter().map(|(key, options)| {
            let own = declared.properties.get(&key).unwrap_or(&undeclared);
            let options = elements(&options).ok_or_else(|| format!("{key} has no list of values"))?;
            Member::new(key, options, own, &declared.required)
        });
        members.collect::<Result<_, _>>().map(Members)
    }

    fn accept(&self, given: &[(String, Value)], equality: Equality) -> bool {
        let allowed = |key: &str, value: &Value| {
            self.0.iter().any(|member| member.key == key && member.accepts(value, equality))
        };
        let is_given = |member: &Member| given.iter().any(|(key, _)| *key == member.key);
        given.iter().all(|(key, value)| allowed(key, value))
            && self.0.iter().all(|member| member.may_be_absent || is_given(member))
    }
}

impl Member {
    fn new(
        key: String,
        mut options: Vec<Value>,
        declared: &Declaration,
        required: &[String],
    ) -> Result<Member, String> {
        let is_empty = |option: &Value| option.as_str() == "\"\"";
        let may_be_absent = options.iter().any(is_empty) && !required.contains(&key);
        if declared.kind != "string" {
            options.retain(|option| !is_empty(option));
        }
        let options = options.into_iter().map(|option| Allowed::new(option, declared));
        let options = options.collect::<Result<_, _>>().map_err(|reason| format!("{key}: {reason}"))?;
        Ok(Member { key, may_be_absent, is_float: declared.kind == "float", options })
    }

    fn accepts(&self, given: &Value, equality: Equality) -> bool {
        self.options.iter().any(|option| match option {
            Allowed::Value(option) if self.is_float => equality.same(&as_float(option), &as_float(given)),
            Allowed::Value(option) => equality.same(option, given),
            Allowed::Object(option) => is_object(option, given, equality),
            Allowed::Objects(options) => elements(given).is_some_and(|given| {
                let mut pairs = options.iter().zip(&given);
                given.len() == options.len()
                    && pairs.all(|(option, given)| is_object(option, given, equality))
            }),
        })
    }
}

fn is_object(option: &Members, given: &Value, equality: Equality) -> bool {
    members(given).is_some_and(|given| option.accept(&given, equality))
}

impl Allowed {
    fn new(option: Value, declared: &Declaration) -> Result<Allowed, String> {
        if declared.kind == "dict"
            && let Some(object) = members(&option)
        {
            return Members::new(object, declared).map(Allowed::Object);
        }
        let items = declared.items.as_deref().filter(|items| items.kind == "dict");
        let objects = || elements(&option)?.iter().map(members).collect::<Option<Vec<_>>>();
        if let Some(items) = items
            && let Some(objects) = objects()
        {
            let objects = objects.into_iter().map(|object| Members::new(object, items));
            return objects.collect::<Result<_, _>>().map(Allowed::Objects);
        }
        Ok(Allowed::Value(option))
    }
}

/// The float that an integer equals; any other value as it is.
fn as_float(value: &Value) -> Value {
    let text = value.as_str();
    let is_integer = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    match Value::parse(&format!("{text}.0")) {
        Ok(float) if is_integer => float,
        _ => value.clone(),
    }
}
