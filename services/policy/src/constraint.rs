//! What a continuation may contain: the answer's syntax, or what the tools' schemas allow.
//!
//! A set of tools becomes one grammar, compiled away from requests' threads and kept. The grammar writes
//! answers in their canonical text, so that most of an answer is forced and is not drawn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{Matcher, ParserFactory};
use lru::LruCache;
use serde_json::{Value, json};
use tokio::time::timeout;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_lm::ModelInfo;
use toolbeam_serve::Violation;

use crate::vocabulary::token_environment;
use crate::{PolicyConfig, PolicyError};

/// How far continuations are held to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Degree {
    /// Any calls.
    Syntax,
    /// Calls of the prompt's tools, with what their schemas allow.
    Schema,
}

/// What is compiled: how far, and of which tools.
type Wanted = (Degree, Arc<[ToolDefinition]>);

type Compiled = Result<Arc<Mutex<Matcher>>, Arc<[Violation]>>;

/// A compilation that everybody who asks for the same waits for.
type Compiling = Shared<BoxFuture<'static, Compiled>>;

/// The grammars of a model's tool sets; the least recently used go first.
pub(crate) struct Constraints {
    factory: Result<Arc<ParserFactory>, String>,
    compiled: Mutex<LruCache<Wanted, Compiling>>,
    patience: Duration,
}

impl Constraints {
    /// Of a model; `config` says how many are kept, and how long one may take.
    pub(crate) fn new(info: &ModelInfo, config: &PolicyConfig) -> Constraints {
        Constraints {
            factory: factory(info),
            compiled: Mutex::new(LruCache::new(config.constraints)),
            patience: Duration::from_millis(config.constraint_ms),
        }
    }

    /// A matcher at the beginning of an answer. Whoever asks for tools that are being compiled waits for them.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] if a schema cannot be expressed, by its tool and with the keyword, or takes too
    /// long; [`PolicyError::Profile`] if the model's tokenizer cannot be constrained.
    pub(crate) async fn matcher(
        &self,
        degree: Degree,
        tools: &Arc<[ToolDefinition]>,
    ) -> Result<Matcher, PolicyError> {
        let factory = self.factory.as_ref().map_err(|error| PolicyError::Profile(error.clone()))?;
        let tools = if degree == Degree::Syntax { Arc::from([]) } else { Arc::clone(tools) };
        let compiling = {
            // The map is whole after every call on it.
            let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
            let compile = || compiling(Arc::clone(factory), degree, Arc::clone(&tools));
            compiled.get_or_insert((degree, Arc::clone(&tools)), compile).clone()
        };
        let compiled = timeout(self.patience, compiling).await.map_err(|_elapsed| {
            let description = format!(
                "the tools' schemas are not compiled after {} ms; simplify them, or use CONSTRAINT_SYNTAX",
                self.patience.as_millis()
            );
            PolicyError::Invalid(vec![Violation { field: "constraint".to_owned(), description }])
        })?;
        let matcher = compiled.map_err(|violations| PolicyError::Invalid(violations.to_vec()))?;
        // With states of its own, which grow and end with the request.
        let matcher = matcher.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(matcher.deep_clone())
    }
}

fn factory(info: &ModelInfo) -> Result<Arc<ParserFactory>, String> {
    let refuse = |error: String| format!("constraint: the tokenizer cannot be constrained: {error}");
    let environment = token_environment(info).map_err(refuse)?;
    let capabilities = InferenceCapabilities { ff_tokens: true, ..InferenceCapabilities::default() };
    let mut factory =
        ParserFactory::new(&environment, capabilities, &[]).map_err(|error| refuse(error.to_string()))?;
    factory.quiet();
    factory.limits_mut().verbose_errors = false;
    Ok(Arc::new(factory))
}

/// Compiles on a thread that may be blocked. It goes on if nobody waits any more, for whoever asks next.
fn compiling(factory: Arc<ParserFactory>, degree: Degree, tools: Arc<[ToolDefinition]>) -> Compiling {
    let work = tokio::task::spawn_blocking(move || compile(&factory, degree, &tools));
    let lost = |_| {
        let description = "compiling the tools' schemas failed; use CONSTRAINT_SYNTAX".to_owned();
        Err(Arc::from([Violation { field: "constraint".to_owned(), description }]))
    };
    work.map(move |compiled| compiled.unwrap_or_else(lost)).boxed().shared()
}

fn compile(factory: &ParserFactory, degree: Degree, tools: &[ToolDefinition]) -> Compiled {
    let matcher = |grammar: Value| {
        let matcher = Matcher::new(factory.create_parser(TopLevelGrammar::from_json_schema(grammar)));
        matcher.get_error().map_or(Ok(matcher), Err)
    };
    let calls = match degree {
        Degree::Syntax => vec![json!({ "name": { "type": "string" }, "arguments": { "type": "object" } })],
        Degree::Schema => calls_of(tools)?,
    };
    match matcher(grammar(&calls)) {
        Ok(matcher) => Ok(Arc::new(Mutex::new(matcher))),
        Err(error) => {
            // Which of them it is, each is asked alone.
            let alone = calls.iter().enumerate();
            let wrong = alone.filter_map(|(index, call)| {
                let error = matcher(grammar(std::slice::from_ref(call))).err()?;
                Some(unfit(format!("prompt.tools[{index}].parameters"), &error))
            });
            let wrong: Vec<Violation> = wrong.collect();
            Err(if wrong.is_empty() { [unfit("constraint".to_owned(), &error)].into() } else { wrong.into() })
        }
    }
}

fn unfit(field: String, error: &str) -> Violation {
    let error = toolbeam_serve::excerpt(error, 200);
    let description = format!(
        "cannot be made a constraint: {error}; leave the keyword out, use CONSTRAINT_SYNTAX, or set \
         constraint_fallback"
    );
    Violation { field, description }
}

/// The properties of a call of each tool. References inside a schema point into the place that it gets.
fn calls_of(tools: &[ToolDefinition]) -> Result<Vec<Value>, Arc<[Violation]>> {
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let set = ToolSet::compile(tools).map_err(|error| {
        Arc::from([Violation { field: format!("prompt.{}", error.field()), description: error.to_string() }])
    })?;
    let call = |(index, name): (usize, &str)| {
        let mut arguments = set.schema(name).cloned().unwrap_or_default();
        rebase(&mut arguments, &format!("#/items/anyOf/{index}/properties/arguments"));
        json!({ "name": { "const": name }, "arguments": arguments })
    };
    Ok(set.names().enumerate().map(call).collect())
}

/// Makes references to the root of a schema references to `root`.
fn rebase(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(entries) => entries.iter_mut().for_each(|(key, value)| match value {
            Value::String(target) if key == "$ref" && target.starts_with('#') => {
                target.replace_range(..1, root)
            }
            value => rebase(value, root),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, root)),
        _ => {}
    }
}

/// The schema of an answer: a list of calls, in the text that answers are rendered in.
fn grammar(calls: &[Value]) -> Value {
    let call = |properties: &Value| {
        json!({
            "type": "object",
            "properties": properties,
            "required": ["name", "arguments"],
            "additionalProperties": false,
        })
    };
    // Without `\u`, which could be half of a surrogate pair: no text here.
    let style = json!({
        "item_separator": ", ",
        "key_separator": ": ",
        "whitespace_flexible": false,
        "coerce_one_of": true,
        "json_allowed_escapes": "nrbtf\\\"",
    });
    match calls.is_empty() {
        true => json!({ "type": "array", "maxItems": 0, "x-guidance": style }),
        false => {
            let items = calls.iter().map(call).collect::<Value>();
            json!({ "type": "array", "items": { "anyOf": items }, "x-guidance": style })
        }
    }
}
