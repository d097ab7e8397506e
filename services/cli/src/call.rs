//! `toolbeam call`: one search.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use toolbeam_client::{ClientConfig, v1};

use crate::connection::ConnectionArgs;
use crate::output;
use crate::tools::read_tools;

/// Arguments of `toolbeam call`.
#[derive(clap::Args)]
pub(crate) struct CallArgs {
    /// What the user says.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    query: String,
    /// The tools: a JSON list in OpenAI's form or of {"name", "description", "parameters"}.
    #[arg(long, value_name = "FILE")]
    tools: PathBuf,
    /// Print one JSON object instead of the readable trace.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// How to search.
#[derive(clap::Args, Clone)]
pub(crate) struct SearchArgs {
    /// The strategy.
    #[arg(long, value_enum, default_value_t = StrategyName::FineGrainedBeam)]
    strategy: StrategyName,
    /// How many partial answers are retained (the paper's N).
    #[arg(long, short = 'n', default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    num_beams: u32,
    /// How often each is continued (the paper's M).
    #[arg(long, short = 'm', default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    expansions_per_beam: u32,
    /// The policy's temperature. The default suits the weak weights that ship with Toolbeam: the hotter
    /// they sample, the more nonsense their ToolPRM has to tell apart. The service's own default is 0.8.
    #[arg(long, default_value_t = 0.3, value_parser = parse_temperature)]
    temperature: f32,
    /// The seed of the search.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Compute in fixed shapes: the same seed gives the same answer whatever else is running.
    #[arg(long)]
    deterministic: bool,
    /// The most answers to return, best first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    num_answers: u32,
    /// Accept well-formed answers that the tools' schemas do not allow.
    #[arg(long)]
    no_schema: bool,
    /// The deadline, in milliseconds.
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
}

/// Strategies by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StrategyName {
    /// The most probable token, always.
    Greedy,
    /// The paper's fine-grained beam search.
    FineGrainedBeam,
}

impl SearchArgs {
    /// The request for a query with tools, with the trace of its rounds.
    pub(crate) fn request(&self, query: &str, tools: Vec<v1::Tool>) -> v1::SearchRequest {
        let message =
            v1::Message { role: v1::Role::User.into(), content: query.to_owned(), ..Default::default() };
        let prompt = v1::Prompt { messages: vec![message], tools };
        v1::SearchRequest { prompt: Some(prompt), trace: true, ..self.template() }
    }

    /// The settings as a request without a prompt.
    pub(crate) fn template(&self) -> v1::SearchRequest {
        let kind = match self.strategy {
            StrategyName::Greedy => v1::StrategyKind::Greedy,
            StrategyName::FineGrainedBeam => v1::StrategyKind::FineGrainedBeam,
        };
        let validation = if self.no_schema { v1::Validation::Syntax } else { v1::Validation::Schema };
        v1::SearchRequest {
            strategy: Some(v1::Strategy {
                kind: kind.into(),
                num_beams: Some(self.num_beams),
                expansions_per_beam: Some(self.expansions_per_beam),
                ..Default::default()
            }),
            sampling: Some(v1::Sampling { temperature: Some(self.temperature), ..Default::default() }),
            seed: self.seed,
            num_answers: Some(self.num_answers),
            validation: validation.into(),
            deterministic: self.deterministic,
            ..Default::default()
        }
    }

    /// The client's settings.
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig { deadline: Duration::from_millis(self.timeout_ms), ..ClientConfig::default() }
    }
}

fn parse_temperature(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|temperature: &f32| temperature.is_finite() && *temperature >= 0.0);
    parsed.ok_or_else(|| "write a finite number from 0 on".to_owned())
}

/// Searches once and prints. Fails if there is no valid answer.
pub(crate) async fn run(args: CallArgs) -> Result<ExitCode> {
    let request = args.search.request(&args.query, read_tools(&args.tools)?);
    let client = args.connection.client(args.search.client()).await?;
    let response = client.search(request).await?;
    if args.json {
        println!("{}", output::to_json(&response));
    } else {
        print!("{}", output::trace(&response));
    }
    Ok(if response.answers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
