//! Examples made from tool schemas alone: a query in the words of somebody, and the calls that it asks for.
//!
//! A query is put together from what a tool's description says, from phrases around each value, and from
//! values by type, enum, kind and description. Words, phrases and the functions of our own are text files in
//! `data`. What is required is given, of the rest only what the query mentions; every call is validated
//! against its tool's schema before it is taken.

mod action;
mod assistant;
mod catalogue;
mod composed;
mod finish;
mod invented;
mod kinds;
mod lending;
mod lines;
mod name_style;
mod nothing;
mod number;
mod parallel;
mod phrasebook;
mod phrases;
mod present;
mod query;
mod settings;
mod shape;
mod shared;
mod signature;
mod style;
mod texts;
mod tool_files;
mod value;

pub(crate) use phrasebook::texts_digest;
pub use settings::{ExampleKind, Shares, SynthesisSettings};
pub use tool_files::read_tools;

use toolbeam_grammar::Call;

use self::catalogue::Catalogue;
use self::lending::lend_examples;
use self::nothing::{Unanswered, talk, unsupported, wrong_action};
use self::parallel::parallel;
use self::present::Look;
use self::query::{Query, one_of_each};
use self::signature::Signature;
use self::style::Style;
use crate::draws::Draws;
use crate::error::DatasetError;
use crate::example::Example;
use crate::set::{Answer, Message, Tool};
use crate::split::is_held;

/// The weight of composed functions, and of an assistant's, among the sets' own, of which one of n functions
/// weighs as the root of n.
const COMPOSED_SHARE: f64 = 0.33;
const ASSISTANT_SHARE: f64 = 0.15;
/// How often a record has 1, 2, 3 tools and so on.
const TOOLS: [f64; 9] = [13.0, 17.0, 21.0, 19.0, 14.0, 8.0, 4.0, 2.0, 2.0];
/// Tries to make an example of its kind before it is small talk.
const TRIES: u32 = 300;

/// Makes examples. Which one is a function of the settings, the tools, a seed and an index, so that they can
/// be made in any order, anywhere.
#[derive(Debug)]
pub struct Synthesiser {
    catalogue: Catalogue,
    settings: SynthesisSettings,
}

impl Synthesiser {
    /// Of sets of tools. Those that queries cannot be made for are left out.
    ///
    /// # Errors
    /// No function is left.
    pub fn new(sets: Vec<Vec<Tool>>, settings: SynthesisSettings) -> Result<Synthesiser, DatasetError> {
        let takes = |name: &str| is_held(name) == settings.held && !settings.without.contains(name);
        let mut found: Vec<(f64, Vec<Signature>)> = Vec::new();
        for set in sets {
            let group = found.len();
            let tools = set.into_iter().filter(|tool| takes(&tool.name));
            let signatures: Vec<Signature> = tools.filter_map(|tool| Signature::read(tool, group)).collect();
            found.push(((signatures.len() as f64).sqrt(), signatures));
        }
        let given: f64 = found.iter().map(|(weight, _)| weight).sum::<f64>().max(1.0);
        let own = given / (1.0 - COMPOSED_SHARE - ASSISTANT_SHARE);
        if settings.composed > 0 {
            let group = found.len();
            found.push((own * ASSISTANT_SHARE, assistant::assistant(group, &takes)));
            let composed = composed::composed(settings.composed, group + 1, &takes);
            found.push((own * COMPOSED_SHARE, composed));
        }
        if settings.invented > 0 {
            let words = invented::vocabulary(found.iter().flat_map(|(_, signatures)| signatures));
            let invented = invented::invented(&settings, &words, found.len(), &takes);
            found.push(((invented.len() as f64).sqrt(), invented));
        }
        lend_examples(found.iter_mut().flat_map(|(_, signatures)| signatures));
        let catalogue = Catalogue::new(found);
        if catalogue.len() == 0 {
            return Err(DatasetError::NoFunction);
        }
        Ok(Synthesiser { catalogue, settings })
    }

    /// Number of functions that queries are made for.
    pub fn functions(&self) -> usize {
        self.catalogue.len()
    }

    /// What it makes examples by.
    pub fn settings(&self) -> &SynthesisSettings {
        &self.settings
    }

    /// What an example is of. Small talk stands where the tools give none of its kind.
    pub fn kind(&self, seed: u64, index: u64) -> ExampleKind {
        let shares = self.settings.shares.all();
        let mut draws = Draws::of(seed, &["synthesis", "kind", &index.to_string()]);
        shares[draws.weighted(&shares.map(|(_, share)| share))].0
    }

    /// An example.
    pub fn example(&self, seed: u64, index: u64) -> Example {
        let kind = self.kind(seed, index);
        let mut draws = Draws::of(seed, &["synthesis", &index.to_string()]);
        let made = (0..TRIES).find_map(|_| self.attempt(kind, &mut draws));
        let (query, tools, calls) = made.unwrap_or_else(|| self.last_resort(&mut draws));
        let look = Look::draw(&mut draws);
        let tools = tools.into_iter().map(|tool| look.of(self.catalogue.signature(tool))).collect();
        Example { tools, ..self.of(self.id(seed, index), query, calls) }
    }

    fn id(&self, seed: u64, number: u64) -> String {
        let held = if self.settings.held { "held-" } else { "" };
        format!("synthetic-{held}{seed}-{number}")
    }

    /// An example that shows no tools yet.
    fn of(&self, id: String, query: String, answers: Vec<Answer>) -> Example {
        Example {
            id,
            source: "synthetic".to_owned(),
            masked: false,
            messages: vec![Message { role: "user".to_owned(), content: query }],
            tools: Vec::new(),
            answers,
        }
    }

    fn attempt(&self, kind: ExampleKind, draws: &mut Draws) -> Option<Made> {
        let number = 1 + draws.weighted(&TOOLS);
        match kind {
            ExampleKind::Single | ExampleKind::Parallel => {
                let function = self.catalogue.pick(draws)?;
                let signature = self.catalogue.signature(function);
                let style = Style::draw(draws);
                let query = match kind {
                    ExampleKind::Single => one_of_each(&[signature], style, draws)?,
                    _ => parallel(signature, style, draws)?,
                };
                self.answered(&[function], query, number, draws)
            }
            ExampleKind::Several => {
                let functions = self.several(2 + draws.weighted(&[0.65, 0.25, 0.1]), draws)?;
                let signatures: Vec<&Signature> =
                    functions.iter().map(|function| self.catalogue.signature(*function)).collect();
                let query = one_of_each(&signatures, Style::draw(draws), draws)?;
                self.answered(&functions, query, number, draws)
            }
            ExampleKind::Unsupported => unsupported(&self.catalogue, number, draws).map(unanswered),
            ExampleKind::WrongAction => wrong_action(&self.catalogue, number, draws).map(unanswered),
            ExampleKind::Talk => talk(&self.catalogue, number, draws).map(unanswered),
        }
    }

    /// Different functions, none of which may be meant where another is; mostly of one set.
    fn several(&self, count: usize, draws: &mut Draws) -> Option<Vec<usize>> {
        let mut functions = vec![self.catalogue.pick(draws)?];
        let functions_of = |index: usize| self.catalogue.signature(index);
        for _ in 0..20 {
            if functions.len() == count {
                return Some(functions);
            }
            let next = self.catalogue.pick(draws)?;
            let fits = functions.iter().all(|other| !functions_of(*other).resembles(functions_of(next)));
            if fits && (functions_of(next).group == functions_of(functions[0]).group || draws.chance(0.3)) {
                functions.push(next);
            }
        }
        None
    }

    fn answered(&self, functions: &[usize], query: Query, number: usize, draws: &mut Draws) -> Option<Made> {
        let calls = self.calls(functions, &query)?;
        let tools = self.catalogue.offered(functions, number, &|_| true, draws);
        Some((query.text, tools, calls))
    }

    /// What a query for these functions calls.
    fn calls(&self, functions: &[usize], query: &Query) -> Option<Vec<Answer>> {
        let call = |(place, arguments): &(usize, _)| {
            let name = &self.catalogue.signature(*functions.get(*place)?).tool.name;
            let text = serde_json::to_string(arguments).ok()?;
            Some(Answer::of(&Call::from_json(name.as_str(), &text).ok()?))
        };
        query.calls.iter().map(call).collect()
    }

    fn last_resort(&self, draws: &mut Draws) -> Made {
        let tools: Vec<usize> = self.catalogue.pick(draws).into_iter().collect();
        (phrasebook::BOOK.say("small talk", draws), tools, Vec::new())
    }
}

/// A query, the tools beside it, and the calls.
type Made = (String, Vec<usize>, Vec<Answer>);

fn unanswered((query, tools): Unanswered) -> Made {
    (query, tools, Vec::new())
}
