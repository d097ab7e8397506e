//! From messages and tools to tokens.

use std::sync::Arc;

use crate::{ChatTemplate, LmError, Tokenizer};

/// A tokenised prompt. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The tokens, template and all, up to where the answer begins.
    pub tokens: Arc<[u32]>,
    /// Names the prompt: a hash of its tokens.
    pub digest: [u8; 32],
}

impl Prompt {
    /// A prompt of these tokens.
    pub fn new(tokens: Vec<u32>) -> Prompt {
        let mut hasher = blake3::Hasher::new();
        for token in &tokens {
            hasher.update(&token.to_le_bytes());
        }
        Prompt { tokens: tokens.into(), digest: *hasher.finalize().as_bytes() }
    }
}

/// Renders and tokenises prompts.
pub struct PromptFormat {
    template: ChatTemplate,
    tokenizer: Arc<Tokenizer>,
}

impl PromptFormat {
    /// A format of this template and tokenizer.
    pub fn new(template: ChatTemplate, tokenizer: Arc<Tokenizer>) -> PromptFormat {
        PromptFormat { template, tokenizer }
    }

    /// Messages and tools, in the JSON form of transformers' `apply_chat_template`, as tokens with the
    /// generation prompt. The template's special tokens are tokens; the same strings inside messages
    /// or tools are text.
    ///
    /// # Errors
    /// [`LmError::Template`] if the template refuses the conversation, or if its text turns on a special
    /// token inside the messages or tools; [`LmError::Tokenizer`].
    pub fn prompt(
        &self,
        messages: &serde_json::Value,
        tools: Option<&serde_json::Value>,
    ) -> Result<Prompt, LmError> {
        let guard = Guard::absent_from(&[Some(messages), tools])?;
        let specials: Vec<&str> = self.tokenizer.specials().map(|(token, _)| token).collect();
        let safe_messages = guard.protect(messages, &specials);
        let safe_tools = tools.map(|tools| guard.protect(tools, &specials));
        let rendered = self.template.render(&safe_messages, safe_tools.as_ref(), true)?;
        let guarded = safe_messages != *messages || safe_tools.as_ref() != tools;
        if guarded && guard.lift(&rendered) != self.template.render(messages, tools, true)? {
            let message =
                "it looks for a special token inside the messages or tools; remove the token from them";
            return Err(LmError::Template(message.to_owned()));
        }
        Ok(Prompt::new(self.tokens(&rendered, &guard)?))
    }

    /// Splits at special tokens, which are the template's own by now, and encodes what is between.
    fn tokens(&self, rendered: &str, guard: &Guard) -> Result<Vec<u32>, LmError> {
        let mut tokens = Vec::new();
        let mut rest = rendered;
        while let Some((at, special, id)) = self.next_special(rest, guard) {
            tokens.extend(self.tokenizer.encode(&guard.lift(&rest[..at]))?);
            tokens.push(id);
            rest = &rest[at + special.len()..];
        }
        tokens.extend(self.tokenizer.encode(&guard.lift(rest))?);
        Ok(tokens)
    }

    /// The first special token in `text`, the longest of those that begin there.
    fn next_special(&self, text: &str, guard: &Guard) -> Option<(usize, &str, u32)> {
        self.tokenizer
            .specials()
            .filter_map(|(token, id)| Some((guard.find_unguarded(text, token)?, token, id)))
            .min_by_key(|(at, token, _)| (*at, std::cmp::Reverse(token.len())))
    }
}

/// A character that stands after the first character of every special token inside a caller's strings
/// while the template runs.
struct Guard {
    character: char,
    /// What `tojson(ensure_ascii=true)` and Python's `repr` make of the character.
    escaped: String,
}

impl Guard {
    /// A noncharacter that occurs in none of the values, nor does its escaped form.
    fn absent_from(values: &[Option<&serde_json::Value>]) -> Result<Guard, LmError> {
        let texts: Vec<String> = values.iter().flatten().map(ToString::to_string).collect();
        ('\u{fdd0}'..='\u{fdef}')
            .map(|character| Guard { character, escaped: format!("\\u{:04x}", u32::from(character)) })
            .find(|guard| {
                !texts.iter().any(|text| text.contains(guard.character) || text.contains(&guard.escaped))
            })
            .ok_or_else(|| {
                LmError::Tokenizer("the prompt uses every Unicode noncharacter; remove one".into())
            })
    }

    /// The value with the guard in every special token of its strings and keys.
    fn protect(&self, value: &serde_json::Value, specials: &[&str]) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.protect_text(text, specials)),
            Value::Array(items) => items.iter().map(|item| self.protect(item, specials)).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| (self.protect_text(key, specials), self.protect(value, specials)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn protect_text(&self, text: &str, specials: &[&str]) -> String {
        let mut text = text.to_owned();
        for special in specials.iter().filter(|special| !special.is_empty()) {
            if text.contains(special) {
                let first = special.chars().next().map_or(0, char::len_utf8);
                let broken = format!("{}{}{}", &special[..first], self.character, &special[first..]);
                text = text.replace(special, &broken);
            }
        }
        text
    }

    /// Where `token` first stands in `text`. A token of one character has the guard behind it, not inside.
    fn find_unguarded(&self, text: &str, token: &str) -> Option<usize> {
        text.match_indices(token)
            .map(|(at, _)| at)
            .find(|at| !text[at + token.len()..].starts_with(self.character))
    }

    /// The text without the guard.
    fn lift(&self, text: &str) -> String {
        text.replace(self.character, "").replace(&self.escaped, "")
    }
}
