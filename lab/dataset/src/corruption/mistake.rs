//! The kinds of mistakes, and how each is made.

use serde_json::{Map, Value};
use toolbeam_grammar::Call;
use toolbeam_grammar::schema::normalize;

use super::Draft;
use super::near_miss::{any_value, near_miss};
use crate::calls::calls_of;
use crate::draws::Draws;
use crate::example::Example;

/// Which decision is made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mistake {
    /// Another function is called.
    Function,
    /// A call is left out.
    MissingCall,
    /// There is a call too many.
    ExtraCall,
    /// No call, where one fits.
    NoCall,
    /// A call, where none fits.
    AnyCall,
    /// An argument is left out.
    MissingArgument,
    /// There is an argument too many.
    ExtraArgument,
    /// Two arguments have each other's values.
    SwappedValues,
    /// A value is given under another argument's name.
    OtherName,
    /// A value is nearly right, or from another place of the query.
    NearMiss,
    /// A value is of one of the other calls.
    OtherCallsValue,
}

impl Mistake {
    /// All, with how often each is tried where it can be made.
    pub(super) const ALL: [(Mistake, f64); 11] = [
        (Mistake::Function, 0.18),
        (Mistake::MissingCall, 0.06),
        (Mistake::ExtraCall, 0.05),
        (Mistake::NoCall, 0.06),
        (Mistake::AnyCall, 1.0),
        (Mistake::MissingArgument, 0.12),
        (Mistake::ExtraArgument, 0.12),
        (Mistake::SwappedValues, 0.1),
        (Mistake::OtherName, 0.07),
        (Mistake::NearMiss, 0.24),
        (Mistake::OtherCallsValue, 0.06),
    ];

    /// One that can be made here, if there is one.
    pub(super) fn draw(situation: &Situation, draws: &mut Draws) -> Option<Mistake> {
        let answered = !situation.right.is_empty();
        let several = situation.right.len() > 1;
        let fits = |mistake| match mistake {
            Mistake::AnyCall => !answered,
            Mistake::MissingCall | Mistake::OtherCallsValue => several,
            Mistake::Function => answered && situation.tools.len() > 1,
            _ => answered,
        };
        let weights = Mistake::ALL.map(|(mistake, weight)| if fits(mistake) { weight } else { 0.0 });
        if weights.iter().all(|weight| *weight == 0.0) {
            return None;
        }
        Mistake::ALL.get(draws.weighted(&weights)).map(|(mistake, _)| *mistake)
    }

    /// The right calls with this mistake; none if it cannot be made of what was drawn.
    pub(super) fn made(self, situation: &Situation, draws: &mut Draws) -> Option<Vec<Draft>> {
        let mut calls = situation.drafts.clone();
        let index = draws.below(calls.len());
        match self {
            Mistake::NoCall => calls.clear(),
            Mistake::AnyCall => calls.push(situation.invented(None, draws)?),
            Mistake::MissingCall => drop(calls.remove(index)),
            Mistake::ExtraCall if draws.chance(0.5) => calls.push(calls[index].clone()),
            Mistake::ExtraCall => calls.push(situation.invented(None, draws)?),
            Mistake::Function => {
                let right = &calls[index];
                let mut other = situation.invented(Some(&right.name), draws)?;
                let values: Vec<&Value> = right.arguments.values().collect();
                for value in other.arguments.values_mut() {
                    if let Some(right) = draws.pick(&values).filter(|_| draws.chance(0.6)) {
                        *value = (*right).clone();
                    }
                }
                calls[index] = other;
            }
            Mistake::OtherCallsValue => {
                let other = draws.below(calls.len());
                let names: Vec<String> = calls[index].arguments.keys().cloned().collect();
                let name = draws.pick(&names)?;
                let values: Vec<&Value> = calls[other].arguments.values().collect();
                let alike = calls[other].arguments.get(name);
                let value = alike.or_else(|| draws.pick(&values).copied())?.clone();
                calls[index].arguments.insert(name.clone(), value);
            }
            _ => {
                let parameters = situation.parameters(&calls[index].name);
                let arguments = &mut calls[index].arguments;
                self.among(arguments, parameters, &situation.words, draws)?;
                in_order(arguments, parameters);
            }
        }
        Some(calls)
    }

    /// A mistake among the arguments of one call.
    fn among(
        self,
        arguments: &mut Map<String, Value>,
        parameters: &[(String, Value)],
        words: &[String],
        draws: &mut Draws,
    ) -> Option<()> {
        let names: Vec<String> = arguments.keys().cloned().collect();
        let unused: Vec<&(String, Value)> =
            parameters.iter().filter(|(name, _)| !arguments.contains_key(name)).collect();
        match self {
            Mistake::MissingArgument => drop(arguments.shift_remove(draws.pick(&names)?)),
            Mistake::ExtraArgument => {
                let (name, schema) = draws.pick(&unused)?;
                arguments.insert(name.clone(), any_value(schema, words, draws));
            }
            Mistake::SwappedValues => {
                let (one, other) = (draws.pick(&names)?, draws.pick(&names)?);
                let value = arguments.get(one)?.clone();
                let value = arguments.insert(other.clone(), value)?;
                arguments.insert(one.clone(), value);
            }
            Mistake::OtherName => {
                let (to, _) = draws.pick(&unused)?;
                let value = arguments.shift_remove(draws.pick(&names)?)?;
                arguments.insert(to.clone(), value);
            }
            _ => {
                let name = draws.pick(&names)?;
                let schema = parameters.iter().find(|(other, _)| other == name).map(|(_, schema)| schema);
                let value = arguments.get_mut(name)?;
                *value = near_miss(value, schema, words, draws);
            }
        }
        Some(())
    }
}

/// The arguments in the order of the parameters; others behind them.
fn in_order(arguments: &mut Map<String, Value>, parameters: &[(String, Value)]) {
    let mut ordered = Map::new();
    for (name, _) in parameters {
        ordered.extend(arguments.shift_remove(name).map(|value| (name.clone(), value)));
    }
    ordered.append(arguments);
    *arguments = ordered;
}

/// An example as mistakes see it.
pub(super) struct Situation {
    pub(super) right: Vec<Call>,
    drafts: Vec<Draft>,
    tools: Vec<Function>,
    /// Words of what the user said last, without the punctuation around them.
    words: Vec<String>,
}

/// A tool's name, parameters with their schemas, and names of those that are required.
struct Function {
    name: String,
    parameters: Vec<(String, Value)>,
    required: Vec<String>,
}

impl Situation {
    /// None if the right calls are none.
    pub(super) fn of(example: &Example) -> Option<Situation> {
        let right = calls_of(&example.answers).ok()?;
        let drafts = example.answers.iter().map(|answer| {
            let arguments = serde_json::from_str(answer.arguments.get()).ok()?;
            Some(Draft { name: answer.name.clone(), arguments })
        });
        let asked = example.messages.iter().rev().find(|message| message.role == "user");
        let words = asked.map(|message| message.content.as_str()).unwrap_or_default().split_whitespace();
        let bare = words.map(|word| word.trim_matches(|c: char| ".,?!'\"`()[]".contains(c)).to_owned());
        Some(Situation {
            drafts: drafts.collect::<Option<_>>()?,
            tools: example.tools.iter().map(|tool| function(&tool.name, tool.parameters.get())).collect(),
            words: bare.filter(|word| !word.is_empty()).collect(),
            right,
        })
    }

    fn parameters(&self, function: &str) -> &[(String, Value)] {
        let found = self.tools.iter().find(|tool| tool.name == function);
        found.map(|tool| tool.parameters.as_slice()).unwrap_or_default()
    }

    /// A call of some function, but not of that one: what is required, and at times more.
    fn invented(&self, but: Option<&str>, draws: &mut Draws) -> Option<Draft> {
        let others: Vec<&Function> =
            self.tools.iter().filter(|tool| Some(tool.name.as_str()) != but).collect();
        let function = draws.pick(&others)?;
        let mut arguments = Map::new();
        for (name, schema) in &function.parameters {
            let given = function.required.contains(name) || draws.chance(0.3);
            if given {
                arguments.insert(name.clone(), any_value(schema, &self.words, draws));
            }
        }
        Some(Draft { name: function.name.clone(), arguments })
    }
}

/// A tool; without parameters if they are no schema.
fn function(name: &str, parameters: &str) -> Function {
    let written: Value = serde_json::from_str(parameters).unwrap_or_default();
    let schema = normalize(&written).unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    Function {
        name: name.to_owned(),
        required: names.map(str::to_owned).collect(),
        parameters: properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect(),
    }
}
