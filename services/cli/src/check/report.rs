//! What is found in a model folder.

use std::fmt;

use serde::Serialize;
use serde_json::json;
use toolbeam_lm::{Inspection, ModelConfig, ModelFiles, Profile, PromptFormat, Tokenizer, WeightTable};
use toolbeam_policy::answer_layout;
use toolbeam_reward::RewardTokens;

/// Everything that there is to say of a folder.
#[derive(Serialize)]
pub(super) struct Report {
    model: String,
    policy: Role<Policy>,
    scorer: Role<Scorer>,
    shape: Option<Shape>,
    weights: Option<Weights>,
    tokenizer: Option<Vocabulary>,
    chat_template: Option<Template>,
    /// Because of these the folder serves as nothing.
    problems: Vec<String>,
    warnings: Vec<String>,
}

/// Whether the folder serves in a role: how, or why not.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Role<T> {
    Yes(T),
    No(String),
}

#[derive(Serialize)]
struct Policy {
    answer_layout: String,
    preset: Option<&'static str>,
    end_tokens: Vec<Token>,
}

#[derive(Serialize)]
struct Scorer {
    reward_kind: &'static str,
    markers: Vec<Token>,
    labels: Vec<Token>,
}

#[derive(Serialize)]
struct Token {
    id: u32,
    text: String,
}

#[derive(Serialize)]
struct Shape {
    architecture: String,
    parameters: u64,
    context_length: usize,
    /// Of the keys and values of one token, in float32.
    kv_bytes_per_token: u64,
    /// Of the weights, in float32.
    memory_bytes: u64,
}

#[derive(Serialize)]
struct Weights {
    dtypes: Vec<String>,
    bytes: u64,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Vocabulary {
    tokens: usize,
    special_tokens: usize,
    /// Rows of the embedding matrix, which may be more than there are tokens.
    rows: Option<i64>,
}

#[derive(Serialize)]
struct Template {
    shows_tools: bool,
    /// A prompt with one tool.
    sample: String,
}

impl Report {
    /// Inspects a folder.
    pub(super) fn of(files: &ModelFiles) -> Report {
        let Inspection { config, tokenizer, template, profile, weights, problems } = Inspection::of(files);
        let mut report = Report {
            model: files.name(),
            policy: Role::No("see the problems".to_owned()),
            scorer: Role::No("see the problems".to_owned()),
            shape: config.as_ref().map(Shape::of),
            weights: weights.as_ref().map(Weights::of),
            tokenizer: tokenizer.as_deref().map(|tokenizer| Vocabulary::of(tokenizer, config.as_ref())),
            chat_template: None,
            problems: problems.iter().map(ToString::to_string).collect(),
            warnings: Vec::new(),
        };
        if let (Some(template), Some(tokenizer)) = (template, &tokenizer) {
            let prompts = PromptFormat::new(template, tokenizer.clone());
            let read = Template::of(&prompts, tokenizer);
            report.warnings.extend(read.as_ref().map_or_else(|error| Some(error.clone()), Template::warning));
            report.chat_template = read.ok();
        }
        if let (Some(config), Some(tokenizer), Some(profile), []) =
            (&config, &tokenizer, &profile, problems.as_slice())
        {
            report.policy = Policy::of(config, tokenizer, profile);
            report.scorer = Scorer::of(files, config, tokenizer);
            if profile.is_undecided() && matches!(report.policy, Role::Yes(_)) {
                let warning = "neither toolbeam.json nor a preset says how the model writes answers; as a \
                               policy it is taken to write json_list, set answer_layout in toolbeam.json";
                report.warnings.push(warning.to_owned());
            }
        }
        report
    }

    /// Whether the folder serves as something.
    pub(super) fn serves(&self) -> bool {
        matches!(self.policy, Role::Yes(_)) || matches!(self.scorer, Role::Yes(_))
    }
}

impl Policy {
    fn of(config: &ModelConfig, tokenizer: &Tokenizer, profile: &Profile) -> Role<Policy> {
        match answer_layout(config, profile, tokenizer) {
            Ok(_) => Role::Yes(Policy {
                answer_layout: profile.answer_layout.clone().unwrap_or_else(|| "json_list".to_owned()),
                preset: profile.preset,
                end_tokens: config.end_tokens.iter().map(|id| Token::of(tokenizer, *id)).collect(),
            }),
            Err(error) => Role::No(error.to_string()),
        }
    }
}

impl Scorer {
    fn of(files: &ModelFiles, config: &ModelConfig, tokenizer: &Tokenizer) -> Role<Scorer> {
        match RewardTokens::find(files, config, tokenizer) {
            Ok(tokens) => Role::Yes(Scorer {
                reward_kind: tokens.kind.name(),
                markers: tokens.markers().map(|id| Token::of(tokenizer, id)).collect(),
                labels: tokens.labels().map(|id| Token::of(tokenizer, id)).collect(),
            }),
            Err(error) => Role::No(error.to_string()),
        }
    }
}

impl Token {
    fn of(tokenizer: &Tokenizer, id: u32) -> Token {
        let special = tokenizer.specials().find(|(_, known)| *known == id).map(|(text, _)| text.to_owned());
        let bytes = tokenizer.bytes(id).unwrap_or_default();
        Token { id, text: special.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned()) }
    }
}

impl Shape {
    fn of(config: &ModelConfig) -> Shape {
        let parameters = config.parameter_count();
        Shape {
            architecture: config.architecture.clone(),
            parameters,
            context_length: config.context_length,
            kv_bytes_per_token: config.kv_bytes_per_token(size_of::<f32>() as u64),
            memory_bytes: parameters * size_of::<f32>() as u64,
        }
    }
}

impl Weights {
    fn of(table: &WeightTable) -> Weights {
        Weights {
            dtypes: table.dtypes().into_iter().collect(),
            bytes: table.shards().map(|(_, bytes)| bytes).sum(),
            files: table.shards().map(|(file, _)| file.to_owned()).collect(),
        }
    }
}

impl Vocabulary {
    fn of(tokenizer: &Tokenizer, config: Option<&ModelConfig>) -> Vocabulary {
        Vocabulary {
            tokens: tokenizer.size(),
            special_tokens: tokenizer.specials().count(),
            rows: config.map(|config| config.vocab_size),
        }
    }
}

impl Template {
    fn of(prompts: &PromptFormat, tokenizer: &Tokenizer) -> Result<Template, String> {
        const NAME: &str = "getWeather";
        let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let function = json!({"name": NAME, "description": "Get the weather", "parameters": parameters});
        let tools = json!([{"type": "function", "function": function}]);
        let messages = json!([{"role": "user", "content": "What is the weather in Oslo?"}]);
        let text = |id: &u32| Token::of(tokenizer, *id).text;
        let prompt = prompts.prompt(&messages, Some(&tools)).map_err(|error| error.to_string())?;
        let sample: String = prompt.tokens.iter().map(text).collect();
        Ok(Template { shows_tools: sample.contains(NAME), sample })
    }

    fn warning(&self) -> Option<String> {
        (!self.shows_tools).then(|| {
            "the chat template does not print the tools, so the model cannot know them; use the template of a \
             model made for tools"
                .to_owned()
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: String| writeln!(f, "{name:<14} {text}");
        line("model", self.model.clone())?;
        match &self.policy {
            Role::No(why) => line("policy", format!("no: {why}"))?,
            Role::Yes(Policy { answer_layout, preset, end_tokens }) => {
                let preset = preset.map(|preset| format!(", preset {preset}")).unwrap_or_default();
                line(
                    "policy",
                    format!("yes: answers as {answer_layout}{preset}; ends with {}", list(end_tokens)),
                )?;
            }
        }
        match &self.scorer {
            Role::No(why) => line("scorer", format!("no: {why}"))?,
            Role::Yes(Scorer { reward_kind, markers, labels }) => {
                let labels =
                    if labels.is_empty() { String::new() } else { format!("; labels {}", list(labels)) };
                line("scorer", format!("yes: {reward_kind} at {}{labels}", list(markers)))?;
            }
        }
        if let Some(shape) = &self.shape {
            line("architecture", format!("{}, {} parameters", shape.architecture, shape.parameters))?;
            line("context", format!("{} tokens", shape.context_length))?;
            let (weights, token) = (mebibytes(shape.memory_bytes), shape.kv_bytes_per_token);
            line("memory", format!("{weights} for weights in float32, {token} bytes of KV per token"))?;
        }
        if let Some(Weights { dtypes, bytes, files }) = &self.weights {
            line(
                "on disk",
                format!("{} of {} in {}", mebibytes(*bytes), dtypes.join(", "), files.join(", ")),
            )?;
        }
        if let Some(Vocabulary { tokens, special_tokens, rows }) = &self.tokenizer {
            let rows = rows.map(|rows| format!(", matrix of {rows} rows")).unwrap_or_default();
            line(
                "tokenizer",
                format!("byte-level, {tokens} tokens, {special_tokens} of them special{rows}"),
            )?;
        }
        if let Some(Template { shows_tools, .. }) = &self.chat_template {
            let tools = if *shows_tools { "prints the tools" } else { "does not print the tools" };
            line("chat template", format!("renders, {tools}"))?;
        }
        for warning in &self.warnings {
            line("warning", warning.clone())?;
        }
        self.problems.iter().try_for_each(|problem| line("problem", problem.clone()))
    }
}

fn list(tokens: &[Token]) -> String {
    tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
