//! What a continuation may contain: the answer's syntax, or what the tools' schemas allow.
//!
//! A set of tools becomes one grammar, compiled away from requests' threads and kept.

mod grammar;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{Matcher, ParserFactory};
use lru::LruCache;
use serde_json::Value;
use tokio::time::timeout;
use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::ToolDefinition;
use toolbeam_lm::ModelInfo;
use toolbeam_serve::Violation;

use self::grammar::{any_call, calls_of, grammar};
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

pub(crate) type Compiled = Result<Arc<Mutex<Matcher>>, Arc<[Violation]>>;

/// A compilation that everybody who asks for the same waits for.
type Compiling = Shared<BoxFuture<'static, Compiled>>;

/// The grammars of a model's tool sets; the least recently used go first.
pub(crate) struct Constraints {
    factory: Result<Arc<ParserFactory>, String>,
    layout: Layout,
    compiled: Mutex<LruCache<Wanted, Compiling>>,
    patience: Duration,
}

impl Constraints {
    /// Of a model that writes in a layout; `config` says how many are kept, and how long one may take.
    pub(crate) fn new(info: &ModelInfo, layout: Layout, config: &PolicyConfig) -> Constraints {
        Constraints {
            factory: factory(info),
            layout,
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
            let compile = || compiling(Arc::clone(factory), self.layout, degree, Arc::clone(&tools));
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

pub(crate) fn factory(info: &ModelInfo) -> Result<Arc<ParserFactory>, String> {
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
fn compiling(
    factory: Arc<ParserFactory>,
    layout: Layout,
    degree: Degree,
    tools: Arc<[ToolDefinition]>,
) -> Compiling {
    let work = tokio::task::spawn_blocking(move || compile(&factory, layout, degree, &tools));
    let lost = |_| {
        let description = "compiling the tools' schemas failed; use CONSTRAINT_SYNTAX".to_owned();
        Err(Arc::from([Violation { field: "constraint".to_owned(), description }]))
    };
    work.map(move |compiled| compiled.unwrap_or_else(lost)).boxed().shared()
}

pub(crate) fn compile(
    factory: &ParserFactory,
    layout: Layout,
    degree: Degree,
    tools: &[ToolDefinition],
) -> Compiled {
    let matcher = |calls: &[Value]| {
        let matcher = Matcher::new(factory.create_parser(grammar(layout, calls)));
        matcher.get_error().map_or(Ok(matcher), Err)
    };
    let calls = match degree {
        Degree::Syntax => vec![any_call()],
        Degree::Schema => calls_of(layout, tools)?,
    };
    match matcher(&calls) {
        Ok(matcher) => Ok(Arc::new(Mutex::new(matcher))),
        Err(error) => {
            // Which of them it is, each is asked alone.
            let alone = calls.iter().enumerate();
            let wrong = alone.filter_map(|(index, call)| {
                let error = matcher(std::slice::from_ref(call)).err()?;
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
