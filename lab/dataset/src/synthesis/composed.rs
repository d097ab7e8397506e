//! Functions of our own: verbs, what they act on, and parameters, put together from the text files in `data`.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lines::{Line, nested_lines, plain_lines};
use super::phrasebook::{BOOK, capitalised};
use super::signature::{Parameter, Shape, Signature};
use crate::draws::Draws;
use crate::set::Tool;

const VERBS: [&str; 12] = [
    "get", "calc", "find", "create", "update", "delete", "book", "send", "check", "convert", "analyze",
    "play",
];
/// How often a parameter is one with members.
const NESTED: f64 = 0.06;
/// How often a query gives one of these.
const OFTEN: f64 = 0.7;

/// Composes functions whose names the filter takes. The same count gives the same functions.
pub(super) fn composed(count: usize, group: usize, takes: &dyn Fn(&str) -> bool) -> Vec<Signature> {
    let (plain, nested) = (plain_lines(), nested_lines());
    let mut draws = Draws::of(7, &["composed functions"]);
    let mut names = BTreeSet::new();
    let mut made = Vec::with_capacity(count);
    // Names come again and are not taken, one in ten where the held ones are wanted.
    for _ in 0..count * 60 {
        if made.len() == count {
            break;
        }
        let verb = draws.pick(&VERBS).copied().unwrap_or_default();
        let object = BOOK.any(&format!("{verb} object"), &mut draws);
        let lines = chosen(verb, &plain, &nested, &mut draws);
        let begins = BOOK.any(verb, &mut draws);
        let name = name(verb, begins, object, &lines, &mut draws);
        if !takes(&name) || !names.insert(name.clone()) {
            continue;
        }
        let tool = tool(name, begins, object, &lines, &mut draws);
        made.extend(Signature::read(tool, group).map(|signature| known(signature, &lines)));
    }
    made
}

/// The parameters of a function, by the names that they get there.
fn chosen<'a>(
    verb: &str,
    plain: &'a [Line],
    nested: &'a [Line],
    draws: &mut Draws,
) -> Vec<(&'static str, &'a Line)> {
    let takes = |line: &&Line| line.verbs.contains(&verb) || verb != "calc" && line.verbs.contains(&"any");
    let plain: Vec<&Line> = plain.iter().filter(takes).collect();
    let nested: Vec<&Line> = nested.iter().filter(takes).collect();
    let mut lines: Vec<(&'static str, &Line)> = Vec::new();
    for _ in 0..1 + draws.weighted(&[25.0, 35.0, 28.0, 12.0]) {
        let from = if draws.chance(NESTED) { &nested } else { &plain };
        let line = draws.pick(from).copied();
        let Some((line, name)) = line.and_then(|line| Some((line, *draws.pick(&line.names)?))) else {
            continue;
        };
        if lines.iter().all(|(other, taken)| *other != name && !std::ptr::eq(*taken, line)) {
            lines.push((name, line));
        }
    }
    lines
}

fn name(
    verb: &str,
    begins: &str,
    object: &str,
    lines: &[(&'static str, &Line)],
    draws: &mut Draws,
) -> String {
    const GLUE: [&str; 6] = ["of", "a", "the", "two", "between", "with"];
    let verb = match begins.split(' ').next() {
        Some(first) if draws.chance(0.4) => first.to_lowercase().trim_end_matches('s').to_owned(),
        _ => verb.to_owned(),
    };
    let words: Vec<String> =
        object.split(' ').filter(|word| !GLUE.contains(word)).map(str::to_lowercase).collect();
    let name = match draws.weighted(&[0.5, 0.2, 0.22, 0.08]) {
        0 => format!("{verb}_{}", words.join("_")),
        1 => format!("{}.{verb}_{}", words[words.len() - 1], words[..words.len() - 1].join("_")),
        2 => verb + &words.iter().map(|word| capitalised(word)).collect::<String>(),
        _ => format!("{}_{verb}", words.join("_")),
    };
    let name = name.trim_end_matches('_').to_owned();
    match lines.first().filter(|_| draws.chance(0.3)) {
        Some((first, _)) => {
            let end = ["v2", "info", "api", "by", "for"][draws.below(5)];
            if matches!(end, "by" | "for") {
                format!("{name}_{end}_{first}")
            } else {
                format!("{name}_{end}")
            }
        }
        None => name,
    }
}

fn tool(
    name: String,
    begins: &str,
    object: &str,
    lines: &[(&'static str, &Line)],
    draws: &mut Draws,
) -> Tool {
    let needed = 1 + draws.below(lines.len());
    let last = object.rsplit(' ').next().unwrap_or(object);
    let mut parameters = Map::new();
    for (index, (name, line)) in lines.iter().enumerate() {
        let mut description = draws.pick(&line.descriptions).copied().unwrap_or_default().to_owned();
        if draws.chance(0.2) {
            description += &[format!(" of the {last}"), format!(" for the {last}")][draws.below(2)];
        }
        let required = index < needed;
        if !required && draws.chance(0.4) {
            description += [". Optional", ". Default is none", " (optional)"][draws.below(3)];
        }
        if draws.chance(0.6) {
            description += ".";
        }
        let mut schema = line.schema.clone();
        schema["description"] = description.into();
        limit(&mut schema, line, required, draws);
        // An object's own `required` lists its members.
        if required && schema.get("required").is_none() {
            schema["required"] = true.into();
        }
        parameters.insert((*name).to_owned(), schema);
    }
    let description = description(begins, object, lines.first().map(|(name, _)| *name), draws);
    // An object of texts is JSON.
    let parameters = RawValue::from_string(Value::Object(parameters).to_string()).unwrap_or_default();
    Tool { name, description, parameters }
}

/// Gives some parameters of few values an enum, and some that may be left out a default.
fn limit(schema: &mut Value, line: &Line, required: bool, draws: &mut Draws) {
    const LISTED: [&str; 15] = [
        "unit",
        "fmt",
        "size",
        "level",
        "color",
        "genre",
        "sort order",
        "cabin",
        "weekday",
        "travel mode",
        "time unit",
        "status word",
        "visibility",
        "language",
        "currency",
    ];
    let kind = match line.kinds.first().map(|(_, kind)| *kind) {
        Some("lang") => "language",
        Some("cur") => "currency",
        Some("word") => "genre",
        kind => kind.unwrap_or_default(),
    };
    let mut choices: Vec<&str> = if LISTED.contains(&kind) { BOOK.all(kind).to_vec() } else { Vec::new() };
    draws.shuffle(&mut choices);
    choices.truncate(3 + draws.below(4));
    if !choices.is_empty() && draws.chance(0.45) {
        schema["enum"] = choices.clone().into();
    }
    if required || draws.chance(0.7) {
        return;
    }
    match schema["type"].as_str() {
        Some("integer") => schema["default"] = draws.between(1, 10).into(),
        Some("boolean") => schema["default"] = false.into(),
        Some("string") if !choices.is_empty() => schema["default"] = choices[0].into(),
        _ => {}
    }
}

fn description(begins: &str, object: &str, first: Option<&str>, draws: &mut Draws) -> String {
    let plain = object.contains(" of ") || object.ends_with('s');
    let article = if plain { "" } else { ["the ", "the ", "a ", ""][draws.below(4)] };
    let article = match article {
        "a " if object.starts_with(['a', 'e', 'i', 'o']) => "an ",
        article => article,
    };
    let first = first.unwrap_or("request").replace('_', " ");
    let end = match draws.weighted(&[0.25, 0.15, 0.1, 0.5]) {
        0 => format!(" {} {first}", ["based on", "given the", "using", "by"][draws.below(4)]),
        1 => format!(" for a {} {first}", ["given", "specific", "particular", "specified"][draws.below(4)]),
        2 => {
            ["", " for the user", " from the database", " online", " of interest"][draws.below(5)].to_owned()
        }
        _ => String::new(),
    };
    let stop = if draws.chance(0.5) { "." } else { "" };
    format!("{begins} {article}{object}{end}{stop}")
}

/// The signature with what the lines say of its parameters.
fn known(mut signature: Signature, lines: &[(&'static str, &Line)]) -> Signature {
    for parameter in &mut signature.parameters {
        let Some((_, line)) = lines.iter().find(|(name, _)| *name == parameter.name) else { continue };
        parameter.phrases = line.phrases.clone();
        if line.saying.is_some() {
            parameter.mention = parameter.mention.max(OFTEN);
        }
        with_kinds(parameter, line);
    }
    signature
}

fn with_kinds(parameter: &mut Parameter, line: &Line) {
    let kind_of = |name: &str| line.kinds.iter().find(|(member, _)| *member == name).map(|(_, kind)| *kind);
    match &mut parameter.shape {
        Shape::Object(members) => {
            parameter.saying = line.saying;
            members.iter_mut().for_each(|member| member.kind = kind_of(&member.name).unwrap_or(member.kind));
        }
        Shape::List(element) if matches!(element.shape, Shape::Object(_)) => with_kinds(element, line),
        Shape::Number(_) | Shape::Text => parameter.kind = kind_of("").unwrap_or(parameter.kind),
        _ => {}
    }
}
