//! Functions put together from words at random: a name, a description and parameters that mean nothing, and
//! queries in some of their words. Nothing of them can be remembered, so that a policy has to look in its
//! prompt for the tool whose words a query uses, which it also has to for tools that it never saw.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::kinds::words_of;
use super::lines::{Line, plain_lines};
use super::name_style::NameStyle;
use super::phrasebook::{BOOK, capitalised};
use super::settings::SynthesisSettings;
use super::signature::Signature;
use crate::draws::Draws;
use crate::set::Tool;

/// How often a family has 1, 2, 3 functions and so on: they are about the same and do something else.
const FAMILY: [f64; 4] = [4.0, 3.0, 2.0, 1.0];
/// How often a function has no parameter, 1, 2 and so on.
const PARAMETERS: [f64; 6] = [1.0, 3.0, 4.0, 3.0, 2.0, 1.0];
/// How often a description says no more than its name does.
const BARE: f64 = 0.55;
/// How often a parameter is one of those that mean something.
const MEANT: f64 = 0.4;
/// How often what is done is said by a verb.
const VERB: f64 = 0.4;
/// How many words are common ones, and how often a word is one of them: a tokenizer has whole words for these, and so
/// the same word looks the same in tools and queries.
const COMMON: usize = 1000;
const OFTEN: f64 = 0.85;
/// Ways in which each function is asked for.
const OPENINGS: usize = 6;

/// Words to invent from: those that say something in the names and descriptions of functions, the most common ones
/// first.
pub(super) fn vocabulary<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Vec<String> {
    let plain = |word: &String| word.len() < 13 && word.chars().all(|letter| letter.is_ascii_lowercase());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for signature in signatures {
        let words = words_of(&signature.tool.name).into_iter().chain(words_of(&signature.tool.description));
        // They are kept without a plural's ending.
        let says = |word: &String| signature.words.contains(word.strip_suffix('s').unwrap_or(word));
        words.filter(|word| plain(word) && says(word)).for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let mut words: Vec<(String, usize)> = counts.into_iter().collect();
    words.sort_by_key(|(_, count)| Reverse(*count));
    words.into_iter().map(|(word, _)| word).collect()
}

/// Invents functions whose names the filter takes. The same settings and words give the same functions.
pub(super) fn invented(
    settings: &SynthesisSettings,
    words: &[String],
    group: usize,
    takes: &dyn Fn(&str) -> bool,
) -> Vec<Signature> {
    let count = if words.is_empty() { 0 } else { settings.invented };
    let most = settings.invented_parameters;
    let mut inventor =
        Inventor { words, most, lines: meant(), draws: Draws::of(13, &["invented functions"]) };
    let mut names = BTreeSet::new();
    let mut made = Vec::with_capacity(count);
    // Names come again and are not taken, one in ten where the held ones are wanted.
    for _ in 0..count * 30 {
        if made.len() >= count {
            break;
        }
        for function in inventor.family() {
            if takes(&function.name) && names.insert(function.name.clone()) {
                made.extend(inventor.signature(function, group));
            }
        }
    }
    made.truncate(count);
    made
}

/// The parameters that mean something and take a text.
fn meant() -> Vec<Line> {
    plain_lines().into_iter().filter(|line| line.schema["type"] == "string").collect()
}

struct Inventor<'a> {
    words: &'a [String],
    /// The most parameters.
    most: usize,
    lines: Vec<Line>,
    draws: Draws,
}

/// What a function is called and how it is described and asked for.
struct Function {
    name: String,
    description: String,
    style: NameStyle,
    openings: Vec<String>,
}

impl Inventor<'_> {
    fn word(&mut self) -> String {
        let common = self.draws.chance(OFTEN).then(|| &self.words[..self.words.len().min(COMMON)]);
        self.draws.pick(common.unwrap_or(self.words)).cloned().unwrap_or_default()
    }

    fn some_words(&mut self, weights: &[f64]) -> Vec<String> {
        let count = 1 + self.draws.weighted(weights);
        (0..count).map(|_| self.word()).collect()
    }

    /// Functions about one thing.
    fn family(&mut self) -> Vec<Function> {
        let thing = self.some_words(&[7.0, 3.0]);
        let members = 1 + self.draws.weighted(&FAMILY);
        let style = NameStyle::draw(&mut self.draws);
        let thing_first = self.draws.chance(0.5);
        let bare = self.draws.chance(BARE);
        (0..members).map(|_| self.function(&thing, members == 1, style, thing_first, bare)).collect()
    }

    fn function(
        &mut self,
        thing: &[String],
        alone: bool,
        style: NameStyle,
        thing_first: bool,
        bare: bool,
    ) -> Function {
        let act = match self.draws.chance(VERB) {
            true => BOOK.any("imperative", &mut self.draws).replace(' ', ""),
            false => self.word(),
        };
        let mut named = thing.to_vec();
        named.insert(if thing_first { thing.len() } else { 0 }, act.clone());
        let name = style.joined(&named);
        let extra = self.some_words(&[1.0, 1.0]);
        let description =
            if bare { words_of(&name).join(" ") } else { self.description(&act, thing, &extra) };
        let said = if bare { Vec::new() } else { extra };
        let openings = (0..OPENINGS).map(|_| self.opening(&act, thing, &said, alone)).collect();
        Function { name, description, style, openings }
    }

    fn description(&mut self, act: &str, thing: &[String], extra: &[String]) -> String {
        let (thing, extra) = (thing.join(" "), extra.join(" "));
        let stop = if self.draws.chance(0.5) { "." } else { "" };
        let text = match self.draws.below(6) {
            0 => format!("{act} the {thing} of the {extra}"),
            1 => format!("{act} {thing} for a given {extra}"),
            2 => format!("{thing} {act} with {extra}"),
            3 => format!("the {extra} {thing}, {act}"),
            4 => format!("{act}s {thing} by {extra}"),
            _ => format!("{act} a {thing} and its {extra}"),
        };
        capitalised(&text) + stop
    }

    /// What is said before the values: always something that no other function of the family has.
    fn opening(&mut self, act: &str, thing: &[String], extra: &[String], alone: bool) -> String {
        let thing_said = match self.draws.pick(thing).cloned() {
            Some(word) if thing.len() > 1 && self.draws.chance(0.4) => word,
            _ => thing.join(" "),
        };
        let (act, thing) = (self.bent(act), self.bent(&thing_said));
        let extra = match self.draws.pick(extra).cloned() {
            Some(word) => self.bent(&word),
            None => String::new(),
        };
        let part = self.draws.unit();
        let text = match () {
            () if !extra.is_empty() && part < 0.25 => {
                self.phrased(&["{b} the {c}", "{b} {c} please", "i want {c} {b}"])
            }
            () if alone && part < 0.4 => self.phrased(&[
                "i need the {a}",
                "do it with {a}",
                "is there any {a}",
                "some {a} please",
                "what about the {a}",
                "{a}",
            ]),
            () if alone && part < 0.5 => {
                self.phrased(&["{b} it", "please {b}", "i want it to {b}", "{b} this one"])
            }
            () => self.phrased(&[
                "{b} the {a}",
                "{b} {a}",
                "{a} {b}",
                "please {b} my {a}",
                "i want to {b} {a}",
                "is there any {a} to {b}",
                "{b} some {a}",
                "what {a} can i {b}",
                "the {a}, {b} it",
                "need to {b} a {a}",
            ]),
        };
        text.replace("{a}", &thing).replace("{b}", &act).replace("{c}", &extra)
    }

    fn phrased(&mut self, phrases: &[&'static str]) -> &'static str {
        self.draws.pick(phrases).copied().unwrap_or_default()
    }

    /// The words, now and then in another form.
    fn bent(&mut self, words: &str) -> String {
        match self.draws.weighted(&[0.76, 0.12, 0.06, 0.06]) {
            0 => words.to_owned(),
            1 => words.strip_suffix('s').map_or_else(|| format!("{words}s"), str::to_owned),
            2 => format!("{}ing", words.strip_suffix('e').unwrap_or(words)),
            _ => format!("{}ed", words.strip_suffix('e').unwrap_or(words)),
        }
    }

    fn signature(&mut self, function: Function, group: usize) -> Option<Signature> {
        let mut parameters = Map::new();
        let marked = self.draws.chance(0.4);
        let bare = words_of(&function.name).join(" ") == function.description;
        let mut known: Vec<(String, &'static str)> = Vec::new();
        for _ in 0..self.draws.weighted(&PARAMETERS).min(self.most) {
            let (name, mut schema) = match self.draws.chance(MEANT) {
                true => self.meant_parameter(bare, &mut known),
                false => self.parameter(function.style, bare),
            };
            if marked && self.draws.chance(0.5) {
                schema["required"] = true.into();
            }
            parameters.entry(name).or_insert(schema);
        }
        let parameters = RawValue::from_string(Value::Object(parameters).to_string()).unwrap_or_default();
        let tool = Tool { name: function.name, description: function.description, parameters };
        let mut signature = Signature::read(tool, group)?;
        signature.openings = function.openings;
        for parameter in &mut signature.parameters {
            match known.iter().find(|(name, _)| *name == parameter.name) {
                Some((_, kind)) => parameter.kind = kind,
                None => parameter.examples = (0..6).map(|_| self.some_words(&[3.0, 2.0]).join(" ")).collect(),
            }
        }
        Some(signature)
    }

    /// A parameter that means something.
    fn meant_parameter(&mut self, bare: bool, known: &mut Vec<(String, &'static str)>) -> (String, Value) {
        let line = self.draws.below(self.lines.len());
        let line = &self.lines[line];
        let name = self.draws.pick(&line.names).copied().unwrap_or_default().to_owned();
        let description = match bare {
            true => words_of(&name).join(" "),
            false => self.draws.pick(&line.descriptions).copied().unwrap_or_default().to_owned(),
        };
        known.extend(line.kinds.first().map(|(_, kind)| (name.clone(), *kind)));
        (name, json!({"type": "string", "description": description}))
    }

    fn parameter(&mut self, style: NameStyle, bare: bool) -> (String, Value) {
        let words = self.some_words(&[3.0, 2.0]);
        let style = if matches!(style, NameStyle::Camel) { style } else { NameStyle::Snake };
        let (name, said) = (style.joined(&words), words.join(" "));
        let description = match bare || self.draws.chance(0.3) {
            true => said,
            false => {
                let other = self.word();
                let frame = self.phrased(&[
                    "The {a}",
                    "{a} of the {b}",
                    "The {a} to use for the {b}.",
                    "The {b}'s {a}",
                ]);
                capitalised(&frame.replace("{a}", &said).replace("{b}", &other))
            }
        };
        let type_name = if self.draws.chance(0.85) { "string" } else { "integer" };
        (name, json!({"type": type_name, "description": description}))
    }
}
