//! Chat templates, rendered as transformers renders them.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, filters};

use crate::python_json::to_json;
use crate::python_methods::{call_method, strip};
use crate::python_text::PythonStr;
use crate::{LmError, ModelFiles};

/// A model's chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
}

const NAME: &str = "chat_template";
/// Instructions that one rendering may take, so that no template runs for ever.
const FUEL: u64 = 10_000_000;
const SOURCE_FILE: &str = "chat_template.jinja";
const CONFIG_FILE: &str = "tokenizer_config.json";

impl ChatTemplate {
    /// Reads `chat_template.jinja`, or the `chat_template` of `tokenizer_config.json`, and the names of
    /// special tokens that the latter defines.
    ///
    /// # Errors
    /// [`LmError::ModelFile`] if there is no template or it does not parse.
    pub fn read(files: &ModelFiles) -> Result<ChatTemplate, LmError> {
        ChatTemplate::parse(&ChatTemplate::source(files)?, &ChatTemplate::special_tokens(files)?)
    }

    /// The source of the folder's template. Of several that have names the one for tools is taken.
    pub(crate) fn source(files: &ModelFiles) -> Result<String, LmError> {
        if let Some(bytes) = files.read_optional(SOURCE_FILE)? {
            let source = std::str::from_utf8(&bytes).map_err(|error| LmError::file(SOURCE_FILE, error))?;
            return Ok(source.to_owned());
        }
        let config: Option<serde_json::Value> = files.optional_json(CONFIG_FILE)?;
        let template = config.as_ref().and_then(|config| config.get("chat_template"));
        let named = |name| {
            let entries = template?.as_array()?;
            entries.iter().find(|entry| entry["name"] == name)?.get("template")
        };
        let source = named("tool_use").or(named("default")).or(template).and_then(serde_json::Value::as_str);
        source.map(str::to_owned).ok_or_else(|| {
            LmError::file(CONFIG_FILE, "chat_template is missing; add one or a chat_template.jinja")
        })
    }

    /// The entries `NAME_token` of `tokenizer_config.json`: strings, or objects with a `content`.
    pub(crate) fn special_tokens(files: &ModelFiles) -> Result<BTreeMap<String, String>, LmError> {
        let config: serde_json::Value = files.optional_json(CONFIG_FILE)?.unwrap_or_default();
        let entries = config.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("_token"));
        let tokens = entries.filter_map(|(name, value)| {
            let token = value.as_str().or_else(|| value.get("content")?.as_str())?;
            Some((name.clone(), token.to_owned()))
        });
        Ok(tokens.collect())
    }

    /// The template with more variables that it can read, as `apply_chat_template` takes them.
    pub fn with_variables(mut self, variables: &BTreeMap<String, serde_json::Value>) -> ChatTemplate {
        for (name, value) in variables {
            self.environment.add_global(name.clone(), Value::from(Serde(value)));
        }
        self
    }

    /// Parses a template's source. `variables` are strings that it can print, such as `eos_token`.
    ///
    /// # Errors
    /// [`LmError::ModelFile`] naming the place.
    pub fn parse(source: &str, variables: &BTreeMap<String, String>) -> Result<ChatTemplate, LmError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| LmError::file(NAME, error))?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(|out, _, value| Ok(write!(out, "{}", PythonStr(value))?));
        environment.set_fuel(Some(FUEL));
        // With debug information an error would quote the prompt.
        environment.set_debug(false);
        speak_python(&mut environment);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", strftime_now);
        for (name, value) in variables {
            environment.add_global(name.clone(), value.as_str());
        }
        environment.add_template_owned(NAME, prepare(source)).map_err(|error| LmError::file(NAME, error))?;
        Ok(ChatTemplate { environment })
    }

    /// Renders messages and tools, both as JSON in the form that transformers' `apply_chat_template`
    /// takes. `tools` is `None` where no tools were given.
    ///
    /// # Errors
    /// [`LmError::Template`] with the template's own message, if it refuses the conversation.
    pub fn render(
        &self,
        messages: &serde_json::Value,
        tools: Option<&serde_json::Value>,
        add_generation_prompt: bool,
    ) -> Result<String, LmError> {
        let refuse = |error: Error| LmError::Template(error.to_string());
        let template = self.environment.get_template(NAME).map_err(refuse)?;
        let context = minijinja::context! {
            messages => Value::from(Serde(messages)),
            tools => tools.map_or(Value::from(()), |tools| Value::from(Serde(tools))),
            documents => (),
            add_generation_prompt => add_generation_prompt,
        };
        template.render(context).map_err(refuse)
    }
}

/// Replaces what minijinja does by its own rules and jinja2 by Python's.
fn speak_python(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(call_method);
    environment.add_filter("tojson", to_json);
    environment.add_filter("string", |value: &Value| PythonStr(value).to_string());
    environment.add_filter("trim", |value: &Value, characters: Option<&str>| {
        strip(&PythonStr(value).to_string(), characters, true, true).to_owned()
    });
    for name in ["length", "count"] {
        environment.add_filter(
            name,
            |value: &Value| if value.is_undefined() { Ok(0) } else { filters::length(value) },
        );
    }
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_test("sequence", |value: &Value| match value.kind() {
        ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map => true,
        // Slices and sums of lists, which are lists in Python.
        ValueKind::Iterable => value.len().is_some(),
        _ => false,
    });
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// The local date and time in the format of C's `strftime`.
fn strftime_now(format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now())
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {error}")))
}

/// The source with jinja2's newlines, and with transformers' `{% generation %}` blocks, which tell what to
/// train on, as the `{% with %}` blocks that they are otherwise.
fn prepare(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut prepared = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        let (tag, after) = tag.split_at(tag.find("%}").unwrap_or(tag.len()));
        prepared.push_str(before);
        match tag.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+') {
            "generation" | "endgeneration" => prepared.push_str(&tag.replace("generation", "with")),
            _ => prepared.push_str(tag),
        }
        rest = after;
    }
    prepared.push_str(rest);
    prepared
}
