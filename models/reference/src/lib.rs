//! The small weights that ship with Toolbeam, as part of the program.
//!
//! They exist so that the whole system runs on real weights at once. They are weak: the README beside
//! them says how they were made and what they can do.

macro_rules! model {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_bytes!(concat!("../", $folder, "/", $file)))),+]
    };
}

/// File names and contents of the reference policy, a Hugging Face folder.
pub const POLICY: &[(&str, &[u8])] = model!("policy":
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "toolbeam.json",
);

/// File names and contents of the reference ToolPRM, a Hugging Face folder.
pub const TOOLPRM: &[(&str, &[u8])] = model!("toolprm":
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "toolbeam.json",
);
