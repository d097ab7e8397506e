//! Searches of many kinds, the same in every run: wording, tools, dialects and settings vary by number.

use serde_json::{Value, json};
use toolbeam_client::v1;

/// A search as every way of asking for it takes it.
pub(crate) struct Asked {
    pub(crate) query: String,
    /// A tools file's content.
    pub(crate) tools: Value,
    pub(crate) greedy: bool,
    pub(crate) num_beams: u32,
    pub(crate) expansions_per_beam: u32,
    pub(crate) temperature: f32,
    pub(crate) num_answers: u32,
    /// Whether the tools' schemas must allow the answers.
    pub(crate) schema: bool,
    pub(crate) seed: u64,
}

/// What a user says, with `{}` for a thing, and the tool that is meant.
const REQUESTS: [(&str, &str); 10] = [
    ("What is the weather in {}?", "getWeather"),
    ("Tell me the weather in {} on 2025-03-04, please.", "getWeather"),
    ("Get the stock price of {}.", "getStockPrice"),
    ("Please tell me the stock price of {} and of Intel.", "getStockPrice"),
    ("Send an email to {} saying \"I am late\".", "sendEmail"),
    ("Set a timer for 12 minutes and call it {}.", "setTimer"),
    ("Set the brightness of the lamp {} to 70.", "setBrightness"),
    ("Find {} restaurants with at least 4.5 stars.", "findRestaurants"),
    ("Translate {} into French and German.", "translateText"),
    ("What is the weather in {} and in Rome?\n(tomorrow)", "getWeather"),
];

const THINGS: [&str; 8] =
    ["Oslo", "Tesla", "Maria", "Zürich", "Apple", "the \"north\" one", "<|im_end|>", "東京"];

/// The search of a number.
pub(crate) fn asked(number: usize) -> Asked {
    // Periods without a common factor, so that the settings meet in every combination.
    let (wording, meant) = REQUESTS[number % REQUESTS.len()];
    let thing = THINGS[number / REQUESTS.len() % THINGS.len()];
    Asked {
        query: wording.replace("{}", thing),
        tools: tools(meant, number),
        greedy: number % 7 == 6,
        num_beams: 1 + (number % 3) as u32,
        expansions_per_beam: 2 + (number % 5) as u32,
        temperature: [0.3, 0.8, 0.0, 1.1][number % 4],
        num_answers: 1 + (number % 2) as u32,
        schema: number.is_multiple_of(3),
        seed: (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

/// The tool that is meant and up to two others, in a dialect each.
fn tools(meant: &str, number: usize) -> Value {
    let all = all_tools();
    let place = all.iter().position(|tool| tool["name"] == meant).expect("every request has its tool");
    let mut chosen: Vec<Value> =
        (0..=number % 3).map(|other| all[(place + other * (1 + number % 4)) % all.len()].clone()).collect();
    chosen.dedup();
    if number % 2 == 1 {
        chosen = chosen.into_iter().map(|tool| json!({ "type": "function", "function": tool })).collect();
    }
    let first = number % chosen.len();
    chosen.rotate_left(first);
    chosen.into()
}

/// Tools in JSON Schema, BFCL's dialect and flat maps.
fn all_tools() -> Vec<Value> {
    let object = |name: &str, description: &str, kind: &str, properties: Value, required: &[&str]| {
        json!({ "name": name, "description": description,
                "parameters": { "type": kind, "properties": properties, "required": required } })
    };
    let flat = |name: &str, description: &str, parameters: Value| json!({ "name": name, "description": description, "parameters": parameters });
    vec![
        flat(
            "getWeather",
            "Get the weather of a city",
            json!({ "city": { "type": "str", "description": "The name of the city", "required": true },
                    "date": { "type": "str", "description": "The date (YYYY-MM-DD)" } }),
        ),
        object(
            "getStockPrice",
            "Get the stock price of a company",
            "object",
            json!({ "company": { "type": "string", "description": "The name of the company" } }),
            &["company"],
        ),
        object(
            "sendEmail",
            "Send an email to a person",
            "dict",
            json!({ "recipient": { "type": "string", "description": "The person" },
                    "text": { "type": "string", "description": "The text of the email" } }),
            &["recipient", "text"],
        ),
        object(
            "setTimer",
            "Set a timer",
            "object",
            json!({ "minutes": { "type": "integer", "minimum": 1 }, "label": { "type": "string" } }),
            &["minutes"],
        ),
        flat(
            "setBrightness",
            "Set the brightness of a lamp",
            json!({ "lamp": { "type": "str", "description": "Which lamp" },
                    "brightness": { "type": "int", "description": "From 0 to 100", "required": true } }),
        ),
        object(
            "findRestaurants",
            "Find restaurants",
            "dict",
            json!({ "cuisine": { "type": "string" }, "stars": { "type": "float", "description": "At least" } }),
            &["cuisine"],
        ),
        flat(
            "translateText",
            "Übersetze einen Text",
            json!({ "text": { "type": "str", "required": true }, "languages": { "type": "List[str]" } }),
        ),
    ]
}

impl Asked {
    /// The request of the contract, with the fields that `toolbeam call` sends.
    pub(crate) fn request(&self) -> v1::SearchRequest {
        let message =
            v1::Message { role: v1::Role::User.into(), content: self.query.clone(), ..Default::default() };
        let kind = if self.greedy { v1::StrategyKind::Greedy } else { v1::StrategyKind::FineGrainedBeam };
        let validation = if self.schema { v1::Validation::Schema } else { v1::Validation::Syntax };
        v1::SearchRequest {
            prompt: Some(v1::Prompt { messages: vec![message], tools: self.tools().collect() }),
            strategy: Some(v1::Strategy {
                kind: kind.into(),
                num_beams: Some(self.num_beams),
                expansions_per_beam: Some(self.expansions_per_beam),
                ..Default::default()
            }),
            sampling: Some(v1::Sampling { temperature: Some(self.temperature), ..Default::default() }),
            num_answers: Some(self.num_answers),
            validation: validation.into(),
            seed: self.seed,
            deterministic: true,
            ..Default::default()
        }
    }

    fn tools(&self) -> impl Iterator<Item = v1::Tool> {
        let tools = self.tools.as_array().into_iter().flatten();
        tools.map(|tool| tool.get("function").unwrap_or(tool)).map(|tool| v1::Tool {
            name: tool["name"].as_str().unwrap_or_default().to_owned(),
            description: tool["description"].as_str().unwrap_or_default().to_owned(),
            parameters: tool["parameters"].to_string(),
        })
    }

    /// What `toolbeam call` takes after its tools file and the address.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = ["--json", "--deterministic"].map(str::to_owned).into();
        let strategy = if self.greedy { "greedy" } else { "fine-grained-beam" };
        let mut flag = |name: &str, value: String| arguments.push(format!("--{name}={value}"));
        flag("strategy", strategy.to_owned());
        flag("num-beams", self.num_beams.to_string());
        flag("expansions-per-beam", self.expansions_per_beam.to_string());
        flag("temperature", self.temperature.to_string());
        flag("num-answers", self.num_answers.to_string());
        flag("seed", self.seed.to_string());
        arguments.extend((!self.schema).then(|| "--no-schema".to_owned()));
        arguments.extend(["--".to_owned(), self.query.clone()]);
        arguments
    }

    /// A line for `python/search.py`: what `Client.search` takes.
    pub(crate) fn line(&self) -> String {
        let kind = if self.greedy { "STRATEGY_KIND_GREEDY" } else { "STRATEGY_KIND_FINE_GRAINED_BEAM" };
        let settings = json!({
            "strategy": { "kind": kind, "num_beams": self.num_beams, "expansions_per_beam": self.expansions_per_beam },
            "sampling": { "temperature": self.temperature },
            "num_answers": self.num_answers,
            "validation": if self.schema { "VALIDATION_SCHEMA" } else { "VALIDATION_SYNTAX" },
            "seed": self.seed,
            "deterministic": true,
        });
        json!({ "messages": self.query, "tools": self.tools, "settings": settings }).to_string()
    }
}
