//! Type names of every dialect, from `string` to `List[Tuple[int, str]]`, as JSON Schema.

use serde_json::{Map, Value, json};

use super::error::excerpt;

/// Longest type name read, in bytes.
const MAX_LENGTH: usize = 1024;
/// Deepest nesting of brackets read.
const MAX_DEPTH: usize = 16;

/// What a type name says.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    /// The keywords that express the type; none for `any`.
    pub(super) schema: Map<String, Value>,
    /// Whether the name also says that the parameter may be left out: `"str, optional"`,
    /// `"int, default 3"`, `Optional[str]`.
    pub(super) optional: bool,
}

/// Reads a type name. Names are matched without regard to case (Gemini writes `STRING`), a module
/// prefix such as `typing.` is ignored, `|` and ` or ` are unions, and round brackets serve as
/// square ones (API-Bank writes `list(str)`). A callable is a string: its name or its source, as
/// xLAM's answers give it. A set is an array, without a demand for distinct items.
///
/// # Errors
/// The name, shortened, if it is no type.
pub(super) fn parse(name: &str) -> Result<Named, String> {
    let refused = || excerpt(name, 64);
    if name.len() > MAX_LENGTH {
        return Err(refused());
    }
    let (base, modifiers) = split_modifiers(name);
    let mut optional = false;
    for modifier in modifiers {
        let modifier = modifier.trim().to_ascii_lowercase();
        match modifier.as_str() {
            "optional" => optional = true,
            "required" => {}
            _ if modifier.starts_with("default") => {
                optional = true;
                break; // What follows belongs to the default's text.
            }
            _ => return Err(refused()),
        }
    }
    let mut reader = Reader { rest: base, depth: 0, outer_optional: false };
    let schema = reader.union().filter(|_| reader.rest.trim().is_empty());
    let schema = schema.ok_or_else(refused)?;
    Ok(Named { schema, optional: optional || reader.outer_optional })
}

/// Splits `"List[int], optional, default 3"` at the commas outside brackets.
fn split_modifiers(name: &str) -> (&str, Vec<&str>) {
    let mut open = 0usize;
    let comma = name.char_indices().find(|(_, character)| {
        match character {
            '[' | '(' => open += 1,
            ']' | ')' => open = open.saturating_sub(1),
            _ => {}
        }
        *character == ',' && open == 0
    });
    match comma {
        Some((at, _)) => (&name[..at], name[at + 1..].split(',').collect()),
        None => (name, Vec::new()),
    }
}

type Schema = Map<String, Value>;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
    outer_optional: bool,
}

impl<'a> Reader<'a> {
    fn union(&mut self) -> Option<Schema> {
        let mut members = vec![self.one()?];
        while self.eat("|") || self.eat_word("or") {
            members.push(self.one()?);
        }
        Some(any_of(members))
    }

    fn one(&mut self) -> Option<Schema> {
        let qualified = self.word()?;
        let name = qualified.rsplit('.').next()?.to_ascii_lowercase();
        let close = if self.eat("[") {
            "]"
        } else if self.eat("(") {
            ")"
        } else {
            return plain(&name);
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let schema = match name.as_str() {
            "literal" => self.literals(close),
            "callable" => self.skip_to(close).and_then(|()| plain("callable")),
            _ => self.arguments(close).and_then(|arguments| generic(&name, arguments)),
        };
        self.depth -= 1;
        self.outer_optional |= name == "optional" && self.depth == 0;
        schema
    }

    /// The types between brackets; `None` among them is `...`.
    fn arguments(&mut self, close: &str) -> Option<Vec<Option<Schema>>> {
        let mut arguments = Vec::new();
        if self.eat(close) {
            return Some(arguments);
        }
        loop {
            let argument = if self.eat("...") { None } else { Some(self.union()?) };
            arguments.push(argument);
            if self.eat(close) {
                return Some(arguments);
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn literals(&mut self, close: &str) -> Option<Schema> {
        let mut members = Vec::new();
        loop {
            members.push(self.literal()?);
            if self.eat(close) {
                return keywords(json!({ "enum": members }));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn literal(&mut self) -> Option<Value> {
        let text = self.rest.trim_start();
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        if let Some(quote) = quote {
            let (inside, rest) = text[1..].split_once(quote)?;
            self.rest = rest;
            return Some(inside.into());
        }
        let end = text.find([',', ']', ')']).unwrap_or(text.len());
        self.rest = &text[end..];
        match text[..end].trim() {
            "True" => Some(true.into()),
            "False" => Some(false.into()),
            "None" => Some(Value::Null),
            number => serde_json::from_str::<serde_json::Number>(number).ok().map(Value::Number),
        }
    }

    /// Moves behind the bracket that closes one already open.
    fn skip_to(&mut self, close: &str) -> Option<()> {
        let mut open = 1usize;
        for (at, character) in self.rest.char_indices() {
            match character {
                '[' | '(' => open += 1,
                ']' | ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                self.rest = &self.rest[at..];
                return self.eat(close).then_some(());
            }
        }
        None
    }

    fn word(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let end =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(text.len());
        self.rest = &text[end..];
        (end > 0).then_some(&text[..end])
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        rest.inspect(|rest| self.rest = rest).is_some()
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.word() == Some(word);
        if !found {
            self.rest = before;
        }
        found
    }
}

/// A type without brackets.
fn plain(name: &str) -> Option<Schema> {
    let standard = match name {
        "any" => return Some(Schema::new()),
        "str" | "string" | "callable" => "string",
        "int" | "integer" => "integer",
        "float" | "number" | "double" => "number",
        "bool" | "boolean" => "boolean",
        "none" | "null" | "nonetype" => "null",
        "list" | "array" | "tuple" | "set" | "frozenset" | "sequence" | "iterable" => "array",
        "dict" | "object" | "mapping" => "object",
        _ => return None,
    };
    keywords(json!({ "type": standard }))
}

/// A type with brackets.
fn generic(name: &str, mut arguments: Vec<Option<Schema>>) -> Option<Schema> {
    if name == "tuple" {
        return tuple(arguments);
    }
    // Only a tuple has an ellipsis.
    let last = arguments.pop()??;
    match (name, arguments.len(), plain(name)) {
        ("optional", 0, _) => {
            let null = plain("null")?;
            Some(any_of(vec![last, null]))
        }
        ("union", _, _) => {
            let mut members = arguments.into_iter().collect::<Option<Vec<_>>>()?;
            members.push(last);
            Some(any_of(members))
        }
        ("dict" | "object" | "mapping", 1, Some(mut schema)) => {
            schema.insert("additionalProperties".into(), last.into());
            Some(schema)
        }
        ("list" | "array" | "set" | "frozenset" | "sequence" | "iterable", 0, Some(mut schema)) => {
            schema.insert("items".into(), last.into());
            Some(schema)
        }
        _ => None,
    }
}

/// `Tuple[int, str]` has two items, `Tuple[int, ...]` any number.
fn tuple(mut arguments: Vec<Option<Schema>>) -> Option<Schema> {
    if arguments.len() == 2 && arguments[1].is_none() {
        let items = arguments.swap_remove(0)?;
        return keywords(json!({ "type": "array", "items": items }));
    }
    let items = arguments.into_iter().collect::<Option<Vec<_>>>()?;
    let count = items.len();
    if count == 0 {
        return None;
    }
    keywords(json!({ "type": "array", "prefixItems": items, "minItems": count, "maxItems": count }))
}

/// The union of types: `any` if one of them is, a list of names if all are plain, `anyOf` else.
pub(super) fn any_of(mut members: Vec<Schema>) -> Schema {
    if members.len() == 1 {
        return members.pop().unwrap_or_default();
    }
    if members.iter().any(Schema::is_empty) {
        return Schema::new();
    }
    let mut names: Vec<Value> = Vec::new();
    for member in &members {
        let listed = match member.get("type") {
            Some(Value::Array(types)) if member.len() == 1 => types.clone(),
            Some(name) if member.len() == 1 => vec![name.clone()],
            _ => return Schema::from_iter([("anyOf".into(), members.into())]),
        };
        for name in listed {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let names = if names.len() == 1 { names.remove(0) } else { names.into() };
    Schema::from_iter([("type".into(), names)])
}

fn keywords(schema: Value) -> Option<Schema> {
    match schema {
        Value::Object(keywords) => Some(keywords),
        _ => None,
    }
}
