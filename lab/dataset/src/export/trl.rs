//! TRL: conversational language modelling for `SFTTrainer`, stepwise supervision for `PRMTrainer`.

use serde_json::{Value, json};

use super::{LabelledSteps, Prompt};

/// `messages`, the right answer last, and `tools`. The tools are JSON in a text, which TRL reads: in a column
/// of objects, tools of different parameters would be given each other's keys.
pub(super) fn sft(prompt: &Prompt<'_>) -> Value {
    let mut messages: Vec<Value> = prompt
        .example
        .messages
        .iter()
        .map(|message| json!({ "role": role(&message.role), "content": message.content }))
        .collect();
    messages.push(json!({ "role": "assistant", "content": prompt.answer }));
    json!({ "messages": messages, "tools": functions(prompt).to_string() })
}

/// `prompt`, a text; `completions`, a text per step, which are the answer when they are put together; and
/// `labels`.
pub(super) fn prm(prompt: &Prompt<'_>, steps: &LabelledSteps) -> Value {
    let mut text = format!("{}\n", functions(prompt));
    for message in &prompt.example.messages {
        text += &format!("{}: {}\n", role(&message.role), message.content);
    }
    text += "assistant: ";
    let (completions, labels): (Vec<&str>, Vec<bool>) =
        steps.0.iter().map(|(text, is_right)| (text.as_str(), *is_right)).unzip();
    json!({ "prompt": text, "completions": completions, "labels": labels })
}

/// The tools as OpenAI writes them, and as a policy's template is given them.
fn functions(prompt: &Prompt<'_>) -> Value {
    prompt.tools.iter().map(|tool| json!({ "type": "function", "function": tool })).collect()
}

fn role(role: &str) -> &str {
    if role == "agent" { "assistant" } else { role }
}
