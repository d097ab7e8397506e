//! LLaMA-Factory's `sharegpt`: `conversations` of `from` and `value`, `system`, and `tools` as JSON in a text.

use serde_json::{Value, json};
use toolbeam_grammar::schema::normalize;

use super::{LabelledSteps, Prompt};

/// The right answer is the last turn: a `function_call` with the list of calls, or, where no call fits, what
/// a policy writes then.
pub(super) fn sft(prompt: &Prompt<'_>) -> Value {
    let mut turns = Turns::of(prompt);
    let from = if prompt.example.answers.is_empty() { "gpt" } else { "function_call" };
    turns.add(from, &prompt.answer);
    turns.line(prompt)
}

/// It has no stage for process reward models; they are trained as conversations, in which every step is said
/// by `human`, the first one behind the prompt, and judged by `gpt` with `+` or `-`.
pub(super) fn prm(prompt: &Prompt<'_>, steps: &LabelledSteps) -> Value {
    let mut turns = Turns::of(prompt);
    for (text, is_right) in &steps.0 {
        turns.add("human", text);
        turns.add("gpt", if *is_right { "+" } else { "-" });
    }
    turns.line(prompt)
}

/// Turns in which those who ask (`human`, `observation`) and those who answer take turns, beginning with the
/// former; others it leaves out of training.
#[derive(Default)]
struct Turns {
    turns: Vec<(&'static str, String)>,
    system: Vec<String>,
}

impl Turns {
    fn of(prompt: &Prompt<'_>) -> Turns {
        let mut turns = Turns::default();
        for message in &prompt.example.messages {
            match message.role.as_str() {
                "system" => turns.system.push(message.content.clone()),
                "tool" => turns.add("observation", &message.content),
                "assistant" | "agent" => turns.add("gpt", &message.content),
                _ => turns.add("human", &message.content),
            }
        }
        turns
    }

    /// Adds a turn; to one of the same side, what is said is added.
    fn add(&mut self, from: &'static str, value: &str) {
        if self.turns.is_empty() && answers(from) {
            self.turns.push(("human", String::new()));
        }
        match self.turns.last_mut() {
            Some((last, text)) if answers(last) == answers(from) => {
                *last = from;
                *text += "\n";
                *text += value;
            }
            _ => self.turns.push((from, value.to_owned())),
        }
    }

    fn line(self, prompt: &Prompt<'_>) -> Value {
        let turns = self.turns.into_iter().map(|(from, value)| json!({ "from": from, "value": value }));
        let conversations: Value = turns.collect();
        // Its templates read `properties`, whatever the dialect was.
        let tools: Value = prompt
            .tools
            .iter()
            .map(|tool| {
                let parameters =
                    normalize(&tool["parameters"]).unwrap_or_else(|_| tool["parameters"].clone());
                json!({ "name": tool["name"], "description": tool["description"], "parameters": parameters })
            })
            .collect();
        json!({ "conversations": conversations, "system": self.system.join("\n"), "tools": tools.to_string() })
    }
}

fn answers(from: &str) -> bool {
    matches!(from, "gpt" | "function_call")
}
