//! Prompts as a model service receives them: inline once, by digest afterwards.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use serde_json::{Value, json};
use tonic::{Code, Status};
use toolbeam_proto::v1;

use crate::error::{Violation, with_detail};

/// A prompt in the form that chat templates take (transformers' `apply_chat_template`).
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// A list of messages with `role` and `content`.
    pub messages: Value,
    /// A list of tools in OpenAI's form; `None` if the prompt has none.
    pub tools: Option<Value>,
}

impl Conversation {
    /// Reads a prompt. Field names in violations begin with `path`.
    ///
    /// # Errors
    /// Everything that is wrong with the prompt: no messages, no role, JSON that does not parse.
    pub fn read(prompt: &v1::Prompt, path: &str) -> Result<Conversation, Vec<Violation>> {
        let mut wrong = Vec::new();
        if prompt.messages.is_empty() {
            wrong.push(violation(format!("{path}.messages"), "empty; give at least one message"));
        }
        let messages = prompt.messages.iter().enumerate();
        let messages =
            messages.map(|(i, message)| read_message(message, &format!("{path}.messages[{i}]"), &mut wrong));
        let messages: Value = messages.collect();
        let tools = prompt.tools.iter().enumerate();
        let tools: Vec<Value> =
            tools.map(|(i, tool)| read_tool(tool, &format!("{path}.tools[{i}]"), &mut wrong)).collect();
        check_names(&prompt.tools, path, &mut wrong);
        match wrong.is_empty() {
            true => Ok(Conversation { messages, tools: (!tools.is_empty()).then(|| tools.into()) }),
            false => Err(wrong),
        }
    }
}

fn read_message(message: &v1::Message, path: &str, wrong: &mut Vec<Violation>) -> Value {
    let role = match message.role() {
        v1::Role::System => "system",
        v1::Role::User => "user",
        v1::Role::Assistant => "assistant",
        v1::Role::Tool => "tool",
        v1::Role::Unspecified => {
            wrong.push(violation(format!("{path}.role"), "unspecified; give the speaker's role"));
            ""
        }
    };
    let mut out = json!({ "role": role, "content": message.content });
    let calls = message.tool_calls.iter().enumerate();
    let calls: Vec<Value> =
        calls.map(|(i, call)| read_call(call, &format!("{path}.tool_calls[{i}]"), wrong)).collect();
    if !calls.is_empty() {
        out["tool_calls"] = calls.into();
    }
    for (key, text) in [("name", &message.name), ("tool_call_id", &message.tool_call_id)] {
        if !text.is_empty() {
            out[key] = text.as_str().into();
        }
    }
    out
}

/// Functions are known by their names.
fn check_names(tools: &[v1::Tool], path: &str, wrong: &mut Vec<Violation>) {
    let mut seen = HashSet::new();
    for (i, tool) in tools.iter().enumerate() {
        if tool.name.is_empty() || !seen.insert(&tool.name) {
            let description = "empty, or already that of another tool; give every tool its own name";
            wrong.push(violation(format!("{path}.tools[{i}].name"), description));
        }
    }
}

fn read_call(call: &v1::FunctionCall, path: &str, wrong: &mut Vec<Violation>) -> Value {
    if call.name.is_empty() {
        wrong.push(violation(format!("{path}.name"), "empty; name the function that was called"));
    }
    let refused = wrong.len();
    let arguments = read_json(&call.arguments, format!("{path}.arguments"), wrong);
    if !arguments.is_object() && wrong.len() == refused {
        wrong.push(violation(format!("{path}.arguments"), "no JSON object; send one as text"));
    }
    let mut out = json!({ "type": "function", "function": { "name": call.name, "arguments": arguments } });
    if !call.id.is_empty() {
        out["id"] = call.id.as_str().into();
    }
    out
}

fn read_tool(tool: &v1::Tool, path: &str, wrong: &mut Vec<Violation>) -> Value {
    let parameters = read_json(&tool.parameters, format!("{path}.parameters"), wrong);
    let function = json!({ "name": tool.name, "description": tool.description, "parameters": parameters });
    json!({ "type": "function", "function": function })
}

/// A JSON text; empty stands for an empty object.
fn read_json(text: &str, field: String, wrong: &mut Vec<Violation>) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    serde_json::from_str(text).unwrap_or_else(|error| {
        wrong.push(violation(field, &format!("not JSON: {error}")));
        Value::Null
    })
}

/// The length of every prompt's digest.
const DIGEST_BYTES: usize = 32;

fn violation(field: String, description: &str) -> Violation {
    Violation { field, description: description.to_owned() }
}

/// Why a request's prompt cannot be used.
#[derive(Debug)]
pub enum PromptError<E> {
    /// Fields of the prompt are wrong.
    Wrong(Vec<Violation>),
    /// The digest is not known here: FAILED_PRECONDITION with a [`v1::PromptUnknown`] detail.
    Unknown(Box<Status>),
    /// The service could not render it.
    Refused(E),
}

/// What a service made of the prompts that it has seen, by digest; the least recently used go first.
#[derive(Debug)]
pub struct PromptStore<T> {
    prompts: Mutex<LruCache<Vec<u8>, T>>,
}

impl<T: Clone> PromptStore<T> {
    /// A store of at most `capacity` prompts.
    pub fn new(capacity: NonZeroUsize) -> PromptStore<T> {
        PromptStore { prompts: Mutex::new(LruCache::new(capacity)) }
    }

    /// What a request's prompt is: looked up by its digest, or rendered by `render` and remembered under
    /// the digest that `render` gives. Fields of a request name the prompt `prompt`.
    ///
    /// # Errors
    /// [`PromptError`].
    pub fn resolve<E>(
        &self,
        prompt: Option<&v1::PromptRef>,
        render: impl FnOnce(Conversation) -> Result<(Vec<u8>, T), E>,
    ) -> Result<T, PromptError<E>> {
        match prompt.and_then(|prompt| prompt.r#ref.as_ref()) {
            Some(v1::prompt_ref::Ref::Digest(digest)) if digest.len() != DIGEST_BYTES => {
                let description = format!("{} bytes; a digest has {DIGEST_BYTES}", digest.len());
                Err(PromptError::Wrong(vec![violation("prompt.digest".to_owned(), &description)]))
            }
            Some(v1::prompt_ref::Ref::Digest(digest)) => {
                self.get(digest).map_err(|status| PromptError::Unknown(Box::new(status)))
            }
            Some(v1::prompt_ref::Ref::Inline(prompt)) => {
                let read = Conversation::read(prompt, "prompt.inline").map_err(PromptError::Wrong)?;
                let (digest, prompt) = render(read).map_err(PromptError::Refused)?;
                self.insert(&digest, prompt.clone());
                Ok(prompt)
            }
            None => {
                let missing = violation("prompt".into(), "missing; give a prompt inline or its digest");
                Err(PromptError::Wrong(vec![missing]))
            }
        }
    }

    /// Remembers a prompt under its digest.
    pub fn insert(&self, digest: &[u8], prompt: T) {
        // The map is whole after every call on it, so that a panic elsewhere leaves nothing half done.
        self.prompts.lock().unwrap_or_else(PoisonError::into_inner).put(digest.to_vec(), prompt);
    }

    /// The prompt of this digest.
    ///
    /// # Errors
    /// FAILED_PRECONDITION with a [`v1::PromptUnknown`] detail; the caller sends the prompt inline.
    pub fn get(&self, digest: &[u8]) -> Result<T, Status> {
        let found = self.prompts.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        found.ok_or_else(|| {
            let detail = v1::PromptUnknown { digest: digest.to_vec() };
            with_detail(Code::FailedPrecondition, "prompt unknown here; send it inline", &detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_becomes_what_templates_take() {
        let prompt = v1::Prompt {
            messages: vec![
                v1::Message { role: v1::Role::User.into(), content: "hello".into(), ..Default::default() },
                v1::Message {
                    role: v1::Role::Assistant.into(),
                    tool_calls: vec![v1::FunctionCall {
                        name: "f".into(),
                        arguments: r#"{"b": 1, "a": 2.0}"#.into(),
                        id: String::new(),
                    }],
                    ..Default::default()
                },
            ],
            tools: vec![v1::Tool { name: "f".into(), description: "d".into(), parameters: String::new() }],
        };
        let read = Conversation::read(&prompt, "prompt").expect("nothing is wrong");
        let call = r#"{"type":"function","function":{"name":"f","arguments":{"b":1,"a":2.0}}}"#;
        assert_eq!(read.messages[0].to_string(), r#"{"role":"user","content":"hello"}"#);
        assert_eq!(read.messages[1]["tool_calls"][0].to_string(), call, "keys keep their order");
        assert_eq!(read.tools.expect("one tool")[0]["function"]["parameters"], json!({}));
    }

    #[test]
    fn everything_wrong_is_named() {
        let prompt = v1::Prompt {
            messages: vec![v1::Message::default()],
            tools: vec![v1::Tool { parameters: "{".into(), ..Default::default() }],
        };
        let fields = |prompt: &v1::Prompt| -> Vec<String> {
            let wrong = Conversation::read(prompt, "prompt.inline").expect_err("something is wrong");
            wrong.into_iter().map(|violation| violation.field).collect()
        };
        let expected = ["messages[0].role", "tools[0].parameters", "tools[0].name"];
        assert_eq!(fields(&prompt), expected.map(|field| format!("prompt.inline.{field}")));
        assert_eq!(fields(&v1::Prompt::default()), ["prompt.inline.messages"]);
    }

    #[test]
    fn the_least_recently_used_prompt_goes_first() {
        let store = PromptStore::new(NonZeroUsize::MIN.saturating_add(1));
        store.insert(b"a", 1);
        store.insert(b"b", 2);
        assert_eq!(store.get(b"a").ok(), Some(1));
        store.insert(b"c", 3);
        let unknown = store.get(b"b").expect_err("it went");
        let detail: Option<v1::PromptUnknown> = crate::detail(&unknown);
        assert_eq!(detail.map(|detail| detail.digest), Some(b"b".to_vec()));
        assert_eq!((store.get(b"a").ok(), store.get(b"c").ok()), (Some(1), Some(3)));
    }
}
