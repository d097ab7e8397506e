//! Models that are served from their folders as they were published.

use serde_json::Value;

/// What the published folder of a model does not say.
pub(super) struct Preset {
    pub(super) name: &'static str,
    /// What the architecture's name begins with.
    architecture: &'static str,
    /// Texts that all stand in the folder's chat template.
    marks: &'static [&'static str],
    pub(super) answer_layout: &'static str,
    pub(super) end_tokens: &'static [&'static str],
    /// Switches of the chat template.
    switches: &'static [(&'static str, bool)],
    /// The format that the model was trained and evaluated in, where the folder's template is another.
    pub(super) chat_template: Option<&'static str>,
}

/// The first that matches holds.
pub(super) const PRESETS: &[Preset] = &[
    // The published template prints tools as Python and spells its headings in another way than the
    // prompts that Hammer2.1 was trained and evaluated on.
    Preset {
        name: "hammer2.1",
        architecture: "Qwen2",
        marks: &["[BEGIN OF AVAILABLE_TOOLS]", "directly output an empty list"],
        answer_layout: "json_list",
        end_tokens: &["<|im_end|>"],
        switches: &[],
        chat_template: Some(include_str!("templates/hammer2.1.jinja")),
    },
    Preset {
        name: "hammer",
        architecture: "Qwen2",
        marks: &["[BEGIN OF AVAILABLE TOOLS]", "directly output an empty list"],
        answer_layout: "json_list",
        end_tokens: &["<|im_end|>"],
        switches: &[],
        chat_template: None,
    },
    Preset {
        name: "qwen3",
        architecture: "Qwen3",
        marks: &["<tools>", "<tool_call>"],
        answer_layout: "hermes",
        end_tokens: &["<|im_end|>"],
        switches: &[("enable_thinking", false)],
        chat_template: None,
    },
    Preset {
        name: "qwen2.5",
        architecture: "Qwen2",
        marks: &["<tools>", "<tool_call>"],
        answer_layout: "hermes",
        end_tokens: &["<|im_end|>"],
        switches: &[],
        chat_template: None,
    },
];

impl Preset {
    pub(super) fn matches(&self, architecture: &str, template: &str) -> bool {
        architecture.starts_with(self.architecture) && self.marks.iter().all(|mark| template.contains(mark))
    }

    pub(super) fn template_variables(&self) -> impl Iterator<Item = (String, Value)> {
        self.switches.iter().map(|(name, on)| ((*name).to_owned(), Value::Bool(*on)))
    }
}
