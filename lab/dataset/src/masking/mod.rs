//! Function masking (Hammer, arXiv 2410.04587): names of functions and parameters become random text, so that
//! a model has to read descriptions instead of guessing by names.
//!
//! What is renamed: functions, their parameters (not what is inside of these), the calls of the right answer,
//! and calls that an assistant's message consists of. Prose is left as it is, but for old names in
//! descriptions that are no words (`get_weather`, `getWeather`), which would give the new ones away. Values
//! stay: they are not names. Only a default that holds an old name is taken out of the tool, and kept in the
//! [`Mask`].

mod names;
mod parameters;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use serde_json::value::RawValue;
use toolbeam_grammar::{Layout, Value, parse_calls};

use self::names::{Names, random_name};
use self::parameters::Parameters;
use crate::calls::answer_text;
use crate::draws::Draws;
use crate::example::Example;
use crate::set::{Answer, Message, Tool};

/// Lengths of random names of functions and of parameters, as in Hammer's published examples.
const FUNCTION_LENGTHS: (usize, usize) = (10, 15);
const PARAMETER_LENGTHS: (usize, usize) = (4, 10);

/// Which names became which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    tools: Vec<ToolMask>,
}

/// Of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ToolMask {
    function: (String, String),
    parameters: Vec<(String, String)>,
    /// Defaults that were taken out, by the parameter's old name.
    defaults: BTreeMap<String, String>,
    /// Whether the parameters are a flat map, and not the properties of a schema.
    is_flat: bool,
}

/// Masks a prompt, or says that it cannot be done: its tools have no parameters that can be told apart, or
/// its answer calls what is not declared. What the mask is depends on the draws alone.
pub(crate) fn mask(example: &Example, draws: &mut Draws) -> Option<(Example, Mask)> {
    let mut taken = HashSet::new();
    let text = serde_json::to_string(example).ok()?;
    let mut draw = |lengths: (usize, usize)| {
        loop {
            let name = random_name(draws, lengths);
            if !text.contains(&name) && taken.insert(name.clone()) {
                return name;
            }
        }
    };
    let mut tools = Vec::with_capacity(example.tools.len());
    for tool in &example.tools {
        let parameters = Parameters::read(&tool.parameters)?;
        let function = (tool.name.clone(), draw(FUNCTION_LENGTHS));
        let renamed = parameters.names().map(|name| (name.to_owned(), draw(PARAMETER_LENGTHS))).collect();
        let is_flat = parameters.is_flat();
        tools.push(ToolMask { function, parameters: renamed, defaults: BTreeMap::new(), is_flat });
    }
    let mut mask = Mask { tools };
    mask.keep_defaults(&example.tools)?;
    let masked = Example { masked: true, ..mask.renamed(example, true)? };
    // What could not be undone was not done well: two names for one thing, or JSON that no value holds.
    let back = mask.unmask(&masked)?;
    same(&back, example).then_some((masked, mask))
}

impl Mask {
    /// The prompt as it was. `None` if it is not one of this mask.
    pub fn unmask(&self, masked: &Example) -> Option<Example> {
        self.renamed(masked, false).map(|example| Example { masked: false, ..example })
    }

    /// The functions' old and new names, in the order of the tools.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tools.iter().map(|tool| (tool.function.0.as_str(), tool.function.1.as_str()))
    }

    /// Old and new names of the parameters of the tool at this place.
    pub fn parameters(&self, tool: usize) -> impl Iterator<Item = (&str, &str)> {
        let tool = self.tools.get(tool);
        tool.into_iter().flat_map(|tool| &tool.parameters).map(|(old, new)| (old.as_str(), new.as_str()))
    }

    /// Finds the defaults that hold an old name.
    fn keep_defaults(&mut self, tools: &[Tool]) -> Option<()> {
        let functions = self.function_names(true);
        for (own, tool) in self.tools.iter_mut().zip(tools) {
            let names = functions.with(own.parameters.iter().map(|(old, new)| (old.as_str(), new.as_str())));
            let parameters = Parameters::known(&tool.parameters, own.is_flat)?;
            let defaults = parameters.defaults().filter(|(_, default)| names.are_in(default));
            own.defaults = defaults.map(|(name, default)| (name.to_owned(), default.to_owned())).collect();
        }
        Some(())
    }

    fn function_names(&self, forward: bool) -> Names {
        // The new names are never words that prose had.
        Names::of(self.functions().map(|(old, new)| directed(old, new, forward)), !forward)
    }

    /// The prompt with all names changed, from old to new or back.
    fn renamed(&self, example: &Example, forward: bool) -> Option<Example> {
        let functions = self.function_names(forward);
        let tools =
            self.tools.iter().zip(&example.tools).map(|(own, tool)| own.tool(tool, &functions, forward));
        let tools: Vec<Tool> = tools.collect::<Option<_>>()?;
        let answers = example.answers.iter().map(|answer| self.call(answer, forward));
        let answers: Vec<Answer> = answers.collect::<Option<_>>()?;
        let messages = example.messages.iter().map(|message| self.message(message, forward)).collect();
        (tools.len() == example.tools.len()).then(|| Example { messages, tools, answers, ..example.clone() })
    }

    /// A call. `None` if it is of no tool, or gives what is no parameter.
    fn call(&self, answer: &Answer, forward: bool) -> Option<Answer> {
        let is_called =
            |tool: &&ToolMask| directed(&tool.function.0, &tool.function.1, forward).0 == answer.name;
        let tool = self.tools.iter().find(is_called)?;
        let name = directed(&tool.function.0, &tool.function.1, forward).1.to_owned();
        let arguments = parameters::rename_members(&answer.arguments, |key| {
            let mut renamed = tool.parameters.iter().map(|(old, new)| directed(old, new, forward));
            renamed.find(|(from, _)| *from == key).map(|(_, to)| to.to_owned())
        })?;
        Some(Answer { name, arguments })
    }

    /// A message. One of the assistant that is a list of calls has these renamed; any other is what it was.
    fn message(&self, message: &Message, forward: bool) -> Message {
        let is_call = matches!(message.role.as_str(), "assistant" | "agent");
        let calls = is_call.then(|| parse_calls(Layout::JsonList, &message.content).ok()).flatten();
        let renamed = calls.and_then(|calls| {
            let calls = calls.iter().map(|call| self.call(&Answer::of(call), forward)?.call().ok());
            Some(answer_text(Layout::JsonList, &calls.collect::<Option<Vec<_>>>()?))
        });
        Message { role: message.role.clone(), content: renamed.unwrap_or_else(|| message.content.clone()) }
    }
}

impl ToolMask {
    fn tool(&self, tool: &Tool, functions: &Names, forward: bool) -> Option<Tool> {
        let (from, to) = directed(&self.function.0, &self.function.1, forward);
        if tool.name != from {
            return None;
        }
        let own = self.parameters.iter().map(|(old, new)| directed(old, new, forward));
        let names = functions.with(own);
        let parameters = Parameters::known(&tool.parameters, self.is_flat)?;
        let defaults = self.defaults.iter().map(|(name, default)| match forward {
            true => (name.as_str(), String::new()),
            false => (name.as_str(), default.clone()),
        });
        // Defaults are put by the parameters' old names, which are there before or after.
        let parameters = match forward {
            true => parameters.with_defaults(defaults).renamed(&names),
            false => parameters.renamed(&names).with_defaults(defaults),
        };
        let description = names.replaced(&tool.description);
        Some(Tool { name: to.to_owned(), description, parameters: parameters.into_text()? })
    }
}

fn directed<'a>(old: &'a str, new: &'a str, forward: bool) -> (&'a str, &'a str) {
    if forward { (old, new) } else { (new, old) }
}

/// Whether two prompts say the same; the spelling of JSON does not count.
fn same(one: &Example, other: &Example) -> bool {
    let json = |text: &RawValue| Value::parse(text.get()).ok();
    let message = |message: &Message| (message.role.clone(), message.content.clone());
    let tool = |tool: &Tool| (tool.name.clone(), tool.description.clone(), json(&tool.parameters));
    let call = |call: &Answer| (call.name.clone(), json(&call.arguments));
    one.messages.iter().map(message).eq(other.messages.iter().map(message))
        && one.tools.iter().map(tool).eq(other.tools.iter().map(tool))
        && one.answers.iter().map(call).eq(other.answers.iter().map(call))
}
