//! Other names for the parameters of a prompt's tools, and for the functions if wanted, in tools and in calls
//! alike: what a model does without the meaning that names have.
//!
//! Renamed are the arguments that calls give by name, not what is inside their values; and in descriptions,
//! old names that are no words (`start_date`), which would give the new ones away. Values stay.

mod parameters;
mod prose;

use toolbeam_client::v1;
use toolbeam_grammar::{Call, Layout, parse_calls};

use crate::draws::Draws;
use crate::gold::written;
use parameters::Parameters;

/// Lengths of random names of functions and of parameters. Of the shortest there are 2^47.
const FUNCTION_LENGTHS: (usize, usize) = (10, 15);
const PARAMETER_LENGTHS: (usize, usize) = (8, 12);

/// New names in one prompt, a function of the seed, the prompt's id and the old names.
#[derive(Debug, Clone)]
pub(crate) struct Renaming {
    seed: u64,
    id: String,
    /// Whether functions have new names, and what no tool declares.
    all: bool,
    tools: Vec<ToolNames>,
}

/// The names of one tool, old and new.
#[derive(Debug, Clone)]
struct ToolNames {
    function: (String, String),
    /// `None` where it is not clear where names stand: then they stay.
    parameters: Option<Vec<(String, String)>>,
}

impl Renaming {
    /// New names of parameters that tools declare.
    pub(crate) fn of_parameters(seed: u64, id: &str, tools: &[v1::Tool]) -> Renaming {
        Renaming::new(seed, id, tools, false)
    }

    /// New names of functions and parameters, also of those that a call has and no tool declares, so that
    /// these do not show by their form.
    pub(crate) fn of_all(seed: u64, id: &str, tools: &[v1::Tool]) -> Renaming {
        Renaming::new(seed, id, tools, true)
    }

    fn new(seed: u64, id: &str, tools: &[v1::Tool], all: bool) -> Renaming {
        let mut renaming = Renaming { seed, id: id.to_owned(), all, tools: Vec::new() };
        renaming.tools = tools.iter().map(|tool| renaming.names_of(tool)).collect();
        renaming
    }

    fn names_of(&self, tool: &v1::Tool) -> ToolNames {
        let pair = |name: &str| (name.to_owned(), self.parameter_name(&tool.name, name));
        ToolNames {
            function: (tool.name.clone(), self.function_name(&tool.name)),
            parameters: Parameters::read(&tool.parameters).map(|known| known.names().map(pair).collect()),
        }
    }

    fn function_name(&self, name: &str) -> String {
        match self.all {
            true => Draws::of(self.seed, &["function", &self.id, name]).name(FUNCTION_LENGTHS),
            false => name.to_owned(),
        }
    }

    fn parameter_name(&self, function: &str, name: &str) -> String {
        Draws::of(self.seed, &["parameter", &self.id, function, name]).name(PARAMETER_LENGTHS)
    }

    /// A tool of the prompt under its new names.
    pub(crate) fn tool(&self, tool: &v1::Tool) -> v1::Tool {
        let Some(names) = self.tools.iter().find(|names| names.function.0 == tool.name) else {
            return tool.clone();
        };
        let functions: Vec<(String, String)> = match self.all {
            true => self.tools.iter().map(|names| names.function.clone()).collect(),
            false => Vec::new(),
        };
        let known = names.parameters.as_deref();
        let prose: Vec<(String, String)> = known.into_iter().flatten().chain(&functions).cloned().collect();
        let parameters = known.filter(|known| !known.is_empty()).and_then(|known| {
            let renamed = Parameters::read(&tool.parameters)?.renamed(known, &functions);
            Some(toolbeam_grammar::Value::parse(&renamed).ok()?.as_str().to_owned())
        });
        v1::Tool {
            name: names.function.1.clone(),
            description: prose::replaced(&tool.description, &prose),
            parameters: parameters.unwrap_or_else(|| tool.parameters.clone()),
        }
    }

    /// A call under the new names. What no tool declares has a new one only if all have.
    pub(crate) fn call(&self, call: &Call) -> Call {
        let tool = self.tools.iter().find(|names| names.function.0 == call.name);
        let renamed = |name: &str| match tool {
            Some(ToolNames { parameters: None, .. }) => name.to_owned(),
            Some(ToolNames { parameters: Some(known), .. }) => {
                let declared = known.iter().find(|(old, _)| old == name).map(|(_, new)| new.clone());
                declared.unwrap_or_else(|| self.undeclared(&call.name, name))
            }
            None => self.undeclared(&call.name, name),
        };
        let arguments = call.arguments.iter().map(|(name, value)| (renamed(name), value.clone()));
        Call { name: self.function_name(&call.name), arguments: arguments.collect() }
    }

    fn undeclared(&self, function: &str, name: &str) -> String {
        if self.all { self.parameter_name(function, name) } else { name.to_owned() }
    }

    /// A call of renamed tools under the old names. What is no new name of a parameter that has one, such as
    /// its old name, becomes a name that no tool declares.
    pub(crate) fn back(&self, call: &Call) -> Call {
        let Some(tool) = self.tools.iter().find(|names| names.function.1 == call.name) else {
            return call.clone();
        };
        let old = |name: &str| match &tool.parameters {
            None => name.to_owned(),
            Some(known) => {
                let declared = known.iter().find(|(_, new)| new == name).map(|(old, _)| old.clone());
                declared.unwrap_or_else(|| format!("{name} (not declared)"))
            }
        };
        let arguments = call.arguments.iter().map(|(name, value)| (old(name), value.clone()));
        Call { name: tool.function.0.clone(), arguments: arguments.collect() }
    }

    /// A turn of the conversation with the calls in it renamed: those that are made, and those that an
    /// assistant's text consists of. Prose stays.
    pub(crate) fn message(&self, message: &v1::Message) -> v1::Message {
        let mut renamed = message.clone();
        for made in &mut renamed.tool_calls {
            if let Ok(call) = Call::from_json(made.name.as_str(), &made.arguments) {
                let call = self.call(&call);
                made.arguments = call.arguments_json();
                made.name = call.name;
            }
        }
        if message.role() == v1::Role::Tool && !message.name.is_empty() {
            renamed.name = self.function_name(&message.name);
        }
        if message.role() == v1::Role::Assistant
            && let Ok(calls) = parse_calls(Layout::JsonList, &message.content)
        {
            renamed.content = written(&calls.iter().map(|call| self.call(call)).collect::<Vec<_>>());
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Vec<v1::Tool> {
        let tool = |name: &str, parameters: &str| v1::Tool {
            name: name.into(),
            description: "by from_city, unlike other_tool".into(),
            parameters: parameters.into(),
        };
        let unclear = r##"{"type": "object", "properties": {"a": {"$ref": "#/properties/b"}, "b": {}}}"##;
        vec![
            tool("find", r#"{"from_city": {"type": "str"}, "days": {"type": "int"}}"#),
            tool("other_tool", unclear),
        ]
    }

    fn call(name: &str, arguments: &str) -> Call {
        Call::from_json(name, arguments).expect("arguments")
    }

    #[test]
    fn tools_and_calls_have_the_same_new_names_and_calls_come_back() {
        for renaming in [Renaming::of_parameters(7, "r", &tools()), Renaming::of_all(7, "r", &tools())] {
            let right = call("find", r#"{"days": 2, "from_city": "Oslo"}"#);
            let renamed = renaming.call(&right);
            let tool = renaming.tool(&tools()[0]);
            assert_eq!(renamed.name, tool.name);
            for (name, _) in &renamed.arguments {
                assert!(tool.parameters.contains(name.as_str()), "{name} {tool:?}");
            }
            assert!(!tool.parameters.contains("days") && !tool.description.contains("from_city"), "{tool:?}");
            assert_eq!(renaming.back(&renamed), right);
            // Whoever guesses the old name is wrong.
            let guessed = Call { name: tool.name, ..right.clone() };
            assert_ne!(renaming.back(&guessed), right);
        }
    }

    #[test]
    fn what_is_not_declared_has_a_new_name_only_if_all_have() {
        let (some, all) = (Renaming::of_parameters(7, "r", &tools()), Renaming::of_all(7, "r", &tools()));
        let strange = call("find", r#"{"speed": 1}"#);
        assert_eq!(some.call(&strange), strange);
        assert_ne!(all.call(&strange).arguments[0].0, "speed");
        assert_ne!(all.call(&call("unknown", "{}")).name, "unknown");
        let unclear = call("other_tool", r#"{"a": 1}"#);
        assert_eq!(some.call(&unclear), unclear);
        assert_eq!(some.tool(&tools()[1]).parameters, tools()[1].parameters);
        assert!(some.tool(&tools()[1]).description.ends_with("other_tool"));
        assert!(!all.tool(&tools()[0]).description.contains("other_tool"));
    }

    #[test]
    fn names_are_of_the_seed_and_the_prompt() {
        let name = |seed, id| Renaming::of_all(seed, id, &tools()).tool(&tools()[0]).name;
        assert_eq!(name(1, "a"), name(1, "a"));
        assert!(name(1, "a") != name(2, "a") && name(1, "a") != name(1, "b"));
    }

    #[test]
    fn calls_in_a_conversation_are_renamed_and_prose_is_not() {
        let renaming = Renaming::of_parameters(7, "r", &tools());
        let message = |role: v1::Role, content: &str| v1::Message {
            role: role.into(),
            content: content.into(),
            ..Default::default()
        };
        let made = r#"[{"name": "find", "arguments": {"days": 2}}]"#;
        let renamed = renaming.message(&message(v1::Role::Assistant, made));
        assert!(!renamed.content.contains("days") && renamed.content.contains("find"), "{renamed:?}");
        let prose = message(v1::Role::Assistant, "how many days?");
        assert_eq!(renaming.message(&prose), prose);
        let said = message(v1::Role::User, made);
        assert_eq!(renaming.message(&said), said);
    }
}
