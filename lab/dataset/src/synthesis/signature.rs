//! What is known of a tool: which values its parameters take, what it acts on, and what it does.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Map, Value};
use toolbeam_grammar::Call;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet, normalize};

use super::kinds::words_of;
use super::number::Range;
use super::phrasebook::BOOK;
use super::shape::{member, parameters_of};
use crate::set::Tool;

/// A tool that queries can be made for.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) tool: Tool,
    /// The parameters as JSON, in the tool's own dialect.
    pub(super) written: Value,
    pub(super) parameters: Vec<Parameter>,
    /// What is said for it before the values, if that is known.
    pub(super) openings: Vec<String>,
    /// The set that it comes from.
    pub(super) group: usize,
    /// What it acts on, by its name.
    pub(super) core: BTreeSet<String>,
    /// The words of its name and description that say something.
    pub(super) words: BTreeSet<String>,
    /// What its verb does: a section `does ...` of the phrasebook.
    pub(super) does: Option<&'static str>,
    compiled: OnceLock<Option<ToolSet>>,
}

/// A parameter, an element of a list or a member of an object.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) shape: Shape,
    /// The kind of its values, a section of the phrasebook.
    pub(super) kind: &'static str,
    /// How often a query gives it: always what is required.
    pub(super) mention: f64,
    pub(super) default: Option<Value>,
    /// Values that the description gives.
    pub(super) examples: Vec<String>,
    /// Phrases of its own, with `{v}` for the value.
    pub(super) phrases: Vec<&'static str>,
    /// How an object is said, with its members' names for their values.
    pub(super) saying: Option<&'static str>,
}

/// Which values a parameter takes.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Text,
    Number(Range),
    Flag,
    Choice(Vec<Value>),
    List(Box<Parameter>),
    Tuple(Vec<Parameter>),
    Object(Vec<Parameter>),
}

/// Functions that could answer any question, by a word of their names.
const OPEN: [&str; 12] = [
    "search",
    "query",
    "question",
    "answer",
    "qa",
    "factoid",
    "definition",
    "define",
    "chat",
    "web",
    "translate",
    "generate",
];

impl Signature {
    /// Reads a tool; none if its parameters are no schema, or have what no value is known for.
    pub(super) fn read(tool: Tool, group: usize) -> Option<Signature> {
        let written: Value = serde_json::from_str(tool.parameters.get()).ok()?;
        let schema = normalize(&written).ok()?;
        let parameters = parameters_of(&schema, &written)?;
        let name = words_of(&tool.name);
        let mut core = significant(name.iter());
        core.retain(|word| verb_group(word).is_none());
        let description = words_of(&tool.description);
        if core.is_empty() {
            core = significant(description.iter());
        }
        let words = significant(name.iter().chain(&description));
        let does =
            description.first().into_iter().chain(&name).find_map(|word| verb_group(&imperative(word)));
        let (openings, compiled) = (Vec::new(), OnceLock::new());
        Some(Signature { tool, written, parameters, openings, group, core, words, does, compiled })
    }

    /// Whether every parameter of the dialect stands by itself in one map (Hammer's and xLAM's).
    pub(super) fn is_flat(&self) -> bool {
        member(&self.written, "properties").is_none()
            && member(&self.written, "type").is_none_or(Value::is_object)
    }

    /// Whether a call fits the tool's schema, as the grammar validates it.
    pub(super) fn accepts(&self, arguments: &Map<String, Value>) -> bool {
        let definition = || ToolDefinition {
            name: self.tool.name.clone(),
            description: String::new(),
            parameters: self.tool.parameters.get().to_owned(),
        };
        let compiled = self.compiled.get_or_init(|| ToolSet::compile(&[definition()]).ok());
        let text = serde_json::to_string(arguments).unwrap_or_default();
        let call = Call::from_json(self.tool.name.as_str(), &text);
        matches!((compiled, call), (Some(tools), Ok(call)) if tools.validate(&call).is_ok())
    }

    /// Whether both may be what the same query asks for.
    pub(super) fn resembles(&self, other: &Signature) -> bool {
        let described =
            |signature: &Signature| signature.tool.description.trim_end_matches('.').to_lowercase();
        let same_opening = !self.openings.is_empty() && self.openings == other.openings;
        if self.tool.name == other.tool.name || same_opening || described(self) == described(other) {
            return true;
        }
        let same_verb = self.does == other.does || self.does.is_none() || other.does.is_none();
        same_verb && (self.core.is_subset(&other.core) || other.core.is_subset(&self.core))
    }

    /// Whether nothing that it says is about the same.
    pub(super) fn is_apart_from(&self, other: &Signature) -> bool {
        self.core.is_disjoint(&other.core) && self.words.intersection(&other.words).count() <= 1
    }

    /// Whether it could answer any question.
    pub(super) fn is_open(&self) -> bool {
        words_of(&self.tool.name).iter().any(|word| OPEN.contains(&word.as_str()))
    }

    /// Whether its description says no more than its name.
    pub(super) fn is_bare(&self) -> bool {
        let named: BTreeSet<String> = words_of(&self.tool.name).into_iter().collect();
        words_of(&self.tool.description).iter().all(|word| named.contains(word))
    }
}

impl Parameter {
    /// Its name in words.
    pub(super) fn words(&self) -> String {
        words_of(&self.name).join(" ")
    }
}

/// The verb of which this is a form: `retrieves` is of `retrieve`.
pub(super) fn imperative(word: &str) -> String {
    let is_verb = |verb: &&str| BOOK.lists("imperative", verb) || BOOK.lists("more imperatives", verb);
    let forms = [Some(word), word.strip_suffix('s'), word.strip_suffix("es")];
    forms.into_iter().flatten().find(is_verb).unwrap_or(word).to_owned()
}

/// Whether a word is a verb that a request can begin with.
pub(super) fn is_imperative(word: &str) -> bool {
    BOOK.lists("imperative", word) || BOOK.lists("more imperatives", word)
}

fn verb_group(word: &str) -> Option<&'static str> {
    const GROUPS: [&str; 6] =
        ["does look", "does make", "does change", "does remove", "does send", "does play"];
    GROUPS.into_iter().find(|group| BOOK.lists(group, word))
}

/// Words of three letters or more that are no glue, each without a plural's ending.
fn significant<'a>(words: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    const GLUE: [&str; 36] = [
        "the",
        "and",
        "for",
        "from",
        "with",
        "given",
        "based",
        "using",
        "specific",
        "specified",
        "information",
        "details",
        "data",
        "about",
        "that",
        "this",
        "into",
        "api",
        "endpoint",
        "provided",
        "certain",
        "user",
        "between",
        "within",
        "their",
        "its",
        "are",
        "all",
        "any",
        "new",
        "name",
        "list",
        "rapidapi",
        "which",
        "number",
        "particular",
    ];
    let long = words.filter(|word| word.len() > 2 && !GLUE.contains(&word.as_str()));
    long.map(|word| word.strip_suffix('s').unwrap_or(word).to_owned()).collect()
}
