//! `toolbeam call`: one search.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use toolbeam_client::v1::tool_choice::Choice;
use toolbeam_client::{Client, ClientConfig, Happening, v1};

use crate::connection::ConnectionArgs;
use crate::events;
use crate::exit::Ended;
use crate::output;
use crate::replay::saved;
use crate::tools::read_tools;

/// Arguments of `toolbeam call`.
#[derive(clap::Args)]
pub(crate) struct CallArgs {
    /// What the user says.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    query: String,
    /// The tools: a JSON list in OpenAI's form or of {"name", "description", "parameters"}. May be left
    /// out with --tool-choice none.
    #[arg(long, value_name = "FILE", required_unless_present = "tool_choice")]
    tools: Option<PathBuf>,
    /// Whether calls are to be made: auto, none, required (at least one), or the name of a function, of
    /// which every call is then.
    #[arg(long, value_name = "CHOICE", value_parser = read_choice)]
    tool_choice: Option<Choice>,
    /// The most calls in an answer; 0 is no limit.
    #[arg(long, value_name = "K", default_value_t = 0)]
    max_calls: u32,
    /// Print one JSON object instead of the readable trace; with --stream, one object per event.
    #[arg(long)]
    json: bool,
    /// Print what happens as it happens.
    #[arg(long, visible_alias = "trace")]
    stream: bool,
    /// Keep the search in this file, so that `toolbeam replay` can run it again.
    #[arg(long, value_name = "FILE", conflicts_with = "stream")]
    save: Option<PathBuf>,
    /// The search's id, by which `toolbeam cancel` can end it. Made up if absent.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    search_id: String,
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
    /// How much of what answers are ranked by is the policy's own opinion beside the reward: the mean
    /// probability of the answer's tokens. 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    log_probability_weight: f32,
    /// adaptive: draws that a beam makes first, and wants for every distinct decision that they give.
    #[arg(long, value_name = "P", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    probe_expansions: u32,
    /// adaptive: how far behind the best a candidate may be and live on. 0 to 1.
    #[arg(long, value_name = "MARGIN", default_value_t = 0.1, value_parser = parse_share)]
    reward_margin: f32,
    /// What of the rewards of an expansion's markers a candidate is kept by.
    #[arg(long, value_enum, default_value_t = AggregationName::Min)]
    aggregation: AggregationName,
    /// Whether a candidate is judged by its last expansion, or by the whole of its answer.
    #[arg(long, value_enum, default_value_t = ScopeName::Expansion)]
    scope: ScopeName,
    /// The policy's temperature. The default suits the weak weights that ship with Toolbeam: the hotter
    /// they sample, the more nonsense their ToolPRM has to tell apart. The service's own default is 0.8.
    #[arg(long, default_value_t = 0.3, value_parser = parse_temperature)]
    temperature: f32,
    /// Draw only from the smallest set of tokens whose probabilities sum to this. Above 0, at most 1.
    #[arg(long, value_name = "SUM", default_value_t = 1.0, value_parser = parse_top_p)]
    top_p: f32,
    /// Draw only from so many most probable tokens; 0 is all.
    #[arg(long, value_name = "K", default_value_t = 0)]
    top_k: u32,
    /// Give a draw up that only repeats itself for so many tokens of a step; 0 is never.
    #[arg(long, value_name = "TOKENS", default_value_t = 64)]
    max_repetition_tokens: u32,
    /// The seed of the search.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Compute in fixed shapes: the same seed gives the same answer whatever else is running.
    #[arg(long)]
    deterministic: bool,
    /// The most answers to return, best first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    num_answers: u32,
    /// Below this confidence of the best answer there is none, only candidates. 0 to 1.
    #[arg(long, value_name = "CONFIDENCE", default_value_t = 0.0, value_parser = parse_share)]
    abstain_below: f32,
    /// What the policy may write: anything, any answer, or what the tools' schemas allow.
    #[arg(long, value_enum, default_value_t = ConstraintName::Off)]
    constrain: ConstraintName,
    /// With --constrain schema: make do with syntax where a schema cannot be a constraint.
    #[arg(long)]
    constraint_fallback: bool,
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
    /// The calls that most of N x M sampled answers make.
    Majority,
    /// Of N x M sampled answers the one whose whole is judged best.
    BestOfN,
    /// Beam search over tokens by log-probability, the paper's baseline.
    TokenBeam,
    /// The paper's fine-grained beam search.
    FineGrainedBeam,
    /// The same in subtrees that do not compete, one for each of the best first steps.
    DiverseBeam,
    /// The same, with draws where the policy disagrees with itself and places where rewards are close.
    Adaptive,
}

/// Aggregations by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AggregationName {
    /// The smallest.
    Min,
    /// The last.
    Last,
    /// Their product.
    Product,
    /// Their mean.
    Mean,
}

/// Constraints by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ConstraintName {
    /// Anything.
    Off,
    /// Any answer.
    Syntax,
    /// Calls that the tools' schemas allow.
    Schema,
}

/// Scopes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScopeName {
    /// The last expansion.
    Expansion,
    /// The whole answer so far.
    Path,
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
            StrategyName::Majority => v1::StrategyKind::Majority,
            StrategyName::BestOfN => v1::StrategyKind::BestOfN,
            StrategyName::TokenBeam => v1::StrategyKind::TokenBeam,
            StrategyName::FineGrainedBeam => v1::StrategyKind::FineGrainedBeam,
            StrategyName::DiverseBeam => v1::StrategyKind::DiverseBeam,
            StrategyName::Adaptive => v1::StrategyKind::Adaptive,
        };
        let aggregation = match self.aggregation {
            AggregationName::Min => v1::Aggregation::Min,
            AggregationName::Last => v1::Aggregation::Last,
            AggregationName::Product => v1::Aggregation::Product,
            AggregationName::Mean => v1::Aggregation::Mean,
        };
        let scope = match self.scope {
            ScopeName::Expansion => v1::RewardScope::Expansion,
            ScopeName::Path => v1::RewardScope::Path,
        };
        let constraint = match self.constrain {
            ConstraintName::Off => v1::Constraint::Off,
            ConstraintName::Syntax => v1::Constraint::Syntax,
            ConstraintName::Schema => v1::Constraint::Schema,
        };
        let validation = if self.no_schema { v1::Validation::Syntax } else { v1::Validation::Schema };
        v1::SearchRequest {
            strategy: Some(v1::Strategy {
                kind: kind.into(),
                num_beams: Some(self.num_beams),
                expansions_per_beam: Some(self.expansions_per_beam),
                aggregation: aggregation.into(),
                scope: scope.into(),
                log_probability_weight: Some(self.log_probability_weight),
                probe_expansions: Some(self.probe_expansions),
                reward_margin: Some(self.reward_margin),
            }),
            abstain_below: Some(self.abstain_below),
            constraint: constraint.into(),
            constraint_fallback: self.constraint_fallback,
            sampling: Some(v1::Sampling {
                temperature: Some(self.temperature),
                top_p: Some(self.top_p),
                top_k: self.top_k,
                max_repetition_tokens: Some(self.max_repetition_tokens),
            }),
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

/// A tool choice by its name, or a function's name.
fn read_choice(text: &str) -> Result<Choice, Infallible> {
    Ok(match text {
        "auto" => Choice::Auto(v1::tool_choice::Auto {}),
        "none" => Choice::None(v1::tool_choice::None {}),
        "required" => Choice::Required(v1::tool_choice::Required {}),
        name => Choice::Named(name.to_owned()),
    })
}

fn parse_top_p(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|top_p: &f32| *top_p > 0.0 && *top_p <= 1.0);
    parsed.ok_or_else(|| "write a number above 0 and at most 1".to_owned())
}

fn parse_temperature(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|temperature: &f32| temperature.is_finite() && *temperature >= 0.0);
    parsed.ok_or_else(|| "write a finite number from 0 on".to_owned())
}

fn parse_share(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    parsed.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// Searches once and prints. Falls short if there is no valid answer, or none that is trusted enough.
pub(crate) async fn run(args: CallArgs) -> Result<Ended> {
    let tools = args.tools.as_deref().map(read_tools).transpose()?;
    let request = v1::SearchRequest {
        search_id: args.search_id,
        tool_choice: args.tool_choice.map(|choice| v1::ToolChoice { choice: Some(choice) }),
        max_calls: args.max_calls,
        ..args.search.request(&args.query, tools.unwrap_or_default())
    };
    let client = args.connection.client(args.search.client()).await?;
    let response = if args.stream {
        stream(&client, request, args.json).await?
    } else {
        let response = client.search(request).await?;
        if let Some(path) = &args.save {
            saved::write(path, &response)?;
        }
        match args.json {
            true => println!("{}", output::to_json(&response)),
            false => print!("{}", output::trace(&response)),
        }
        response
    };
    let short = response.answers.is_empty() || response.abstained;
    Ok(if short { Ended::Short } else { Ended::Done })
}

/// Searches and prints each event; gives the response that the last one carries.
async fn stream(client: &Client, request: v1::SearchRequest, json: bool) -> Result<v1::SearchResponse> {
    let mut stream = client.search_stream(request).await?;
    let mut response = None;
    while let Some(event) = stream.next().await? {
        match json {
            true => println!("{}", events::to_json(&event)),
            false => print!("{}", events::readable(&event)),
        }
        if let Happening::Finished(finished) = event.happening {
            response = Some(*finished);
        }
    }
    response.context("the stream ended without a response; try again")
}
