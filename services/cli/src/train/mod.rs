//! `toolbeam train`: policies and reward models.

mod args;
mod bench;
mod calibrate;
mod compare;
mod line;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use toolbeam_reward::RewardKind;
use toolbeam_train::{Length, RunConfig, Settings, Softmax, Task, train};

use crate::exit::Ended;
use args::{Defaults, TrainArgs};
use line::Line;

/// What is trained.
#[derive(Subcommand)]
pub(crate) enum TrainCommand {
    /// Train a policy on right answers (supervised fine-tuning).
    Sft(Box<SftArgs>),
    /// Train a ToolPRM: a reward for every step.
    Prm(Box<PrmArgs>),
    /// Train a C-PRM: a reward for every call and for the whole answer.
    CPrm(Box<LabelArgs>),
    /// Train an ORM: a reward for the whole answer.
    Orm(Box<LabelArgs>),
    /// Train a ToolRM: a number for the whole answer, by Bradley-Terry over right and wrong answers.
    Toolrm(Box<ToolRmArgs>),
    /// Train an ORM, a C-PRM and a ToolPRM on the same data and compare them while they learn, like the paper's
    /// Table 2 and Figure 3. Writes compare.md, compare.json and compare.html into --run, and runs and models
    /// below it. A kind that is finished is not trained again.
    Compare(Box<LabelArgs>),
    /// Fit the temperature of a reward model's rewards, so that they are probabilities, and store it in its
    /// toolbeam.json.
    Calibrate(calibrate::CalibrateArgs),
    /// Measure how fast steps are on rows that are given. Prints one JSON object.
    Bench(bench::BenchArgs),
}

/// Arguments of `toolbeam train sft`.
#[derive(clap::Args)]
pub(crate) struct SftArgs {
    #[command(flatten)]
    common: TrainArgs,
    /// The share of the prompts' tokens that are predicted too; small models learn from them what prompts
    /// look like.
    #[arg(long, default_value_t = 0.0)]
    prompt_share: f64,
    /// What their mean loss counts beside that of answers.
    #[arg(long, default_value_t = 0.1)]
    prompt_weight: f64,
}

/// Arguments of `toolbeam train c-prm`, `toolbeam train orm` and `toolbeam train compare`.
#[derive(clap::Args)]
pub(crate) struct LabelArgs {
    #[command(flatten)]
    common: TrainArgs,
    /// Over which logits a label's probability is taken; the two labels by default.
    #[arg(long, value_enum)]
    softmax: Option<SoftmaxName>,
}

/// Arguments of `toolbeam train prm`.
#[derive(clap::Args)]
pub(crate) struct PrmArgs {
    #[command(flatten)]
    labels: LabelArgs,
    /// Hyper-parameters by name, for every flag that is not given. Their numbers are Toolbeam's own and not the
    /// paper's; they suit models of billions of parameters.
    #[arg(long, value_enum)]
    preset: Option<Preset>,
}

/// Arguments of `toolbeam train toolrm`.
#[derive(clap::Args)]
pub(crate) struct ToolRmArgs {
    #[command(flatten)]
    common: TrainArgs,
    /// What the square of the sum of a pair's rewards counts, which keeps rewards around zero.
    #[arg(long, default_value_t = 0.01)]
    centring: f64,
}

/// Sets of logits.
#[derive(Clone, Copy, ValueEnum)]
enum SoftmaxName {
    /// The two labels, as rewards are.
    Labels,
    /// The whole vocabulary, as in the paper's text.
    Vocabulary,
}

/// Hyper-parameters by name.
#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    /// The paper's objective (arXiv 2510.14703, Eq. 1, over the whole vocabulary). The numbers are not the paper's
    /// but Toolbeam's own choice, usual ones for full fine-tuning: AdamW at 1e-5 without decay, warm-up over a
    /// tenth, three epochs, steps of 8 batches of 8192 tokens.
    Paper,
}

/// Runs a training.
pub(crate) async fn run(command: TrainCommand) -> Result<Ended> {
    let go = if matches!(command, TrainCommand::Compare(_)) { compare::go } else { go };
    let (common, task, defaults) = match command {
        TrainCommand::Sft(args) => {
            let task = Task::Answers { prompt_share: args.prompt_share, prompt_weight: args.prompt_weight };
            (args.common, task, Defaults::POLICY)
        }
        TrainCommand::Prm(args) => prm(*args),
        TrainCommand::CPrm(args) => (args.common, labels(RewardKind::CPrm, args.softmax), Defaults::REWARD),
        TrainCommand::Orm(args) => (args.common, labels(RewardKind::Orm, args.softmax), Defaults::REWARD),
        TrainCommand::Toolrm(args) => {
            (args.common, Task::Preferences { centring: args.centring }, Defaults::REWARD)
        }
        TrainCommand::Compare(args) => {
            (args.common, labels(RewardKind::ToolPrm, args.softmax), Defaults::REWARD)
        }
        TrainCommand::Calibrate(args) => return blocking(move || calibrate::run(args)).await,
        TrainCommand::Bench(args) => return blocking(move || bench::run(args)).await,
    };
    let settings = common.settings(task, &defaults);
    let config = common.config();
    if matches!(settings.length, Length::Minutes(_)) {
        eprintln!("with --minutes the rate follows the time; a second run will differ from this one");
    }
    let stop = stop_on_interrupt();
    let is_over = tokio::task::spawn_blocking(move || go(&config, &settings, &stop)).await??;
    if !is_over {
        eprintln!("stopped; the same command goes on from here");
    }
    Ok(if is_over { Ended::Done } else { Ended::Short })
}

/// Runs a command that computes, to its end.
async fn blocking(command: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Ended> {
    tokio::task::spawn_blocking(command).await?.map(|()| Ended::Done)
}

/// What is set when the user interrupts.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopping.store(true, Ordering::Relaxed);
        }
    });
    stop
}

/// Trains until the end, or until `stop` is set; says whether it is over.
fn go(config: &RunConfig, settings: &Settings, stop: &AtomicBool) -> Result<bool> {
    let mut line = Line::new();
    let ending = train(config, settings, |event| {
        line.show(&event);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    line.finish();
    Ok(ending?.is_over)
}

fn labels(kind: RewardKind, softmax: Option<SoftmaxName>) -> Task {
    let softmax = match softmax {
        None | Some(SoftmaxName::Labels) => Softmax::Labels,
        Some(SoftmaxName::Vocabulary) => Softmax::Vocabulary,
    };
    Task::Labels { kind, softmax }
}

fn prm(args: PrmArgs) -> (TrainArgs, Task, Defaults) {
    let LabelArgs { common, softmax } = args.labels;
    match args.preset {
        None => (common, labels(RewardKind::ToolPrm, softmax), Defaults::REWARD),
        Some(Preset::Paper) => {
            let softmax = softmax.unwrap_or(SoftmaxName::Vocabulary);
            (common, labels(RewardKind::ToolPrm, Some(softmax)), Defaults::PAPER)
        }
    }
}

#[cfg(test)]
mod tests {
    use toolbeam_dataset::Example;
    use toolbeam_proto::v1;
    use toolbeam_serve::Conversation;

    /// What a policy is trained on and what it is asked must be the same tokens; the same template makes them of
    /// the same JSON.
    #[test]
    fn a_record_is_the_prompt_that_a_service_renders() {
        let parameters = r#"{"b": {"type": "float", "default": 1.0}, "a": {"type": "string"}}"#;
        let record = format!(
            r#"{{"id": "1", "source": "test", "answers": [],
                "messages": [{{"role": "system", "content": "s"}}, {{"role": "user", "content": "é <|im_end|>"}}],
                "tools": [{{"name": "f.g", "description": "d", "parameters": {parameters}}}]}}"#
        );
        let mut example: Example = serde_json::from_str(&record).expect("a record");
        let mut prompt = v1::Prompt {
            messages: vec![
                v1::Message { role: v1::Role::System.into(), content: "s".into(), ..Default::default() },
                v1::Message {
                    role: v1::Role::User.into(),
                    content: "é <|im_end|>".into(),
                    ..Default::default()
                },
            ],
            tools: vec![v1::Tool {
                name: "f.g".into(),
                description: "d".into(),
                parameters: parameters.into(),
            }],
        };
        for _ in 0..2 {
            let served = Conversation::read(&prompt, "prompt").expect("a prompt");
            let (messages, tools) = toolbeam_train::conversation(&example).expect("a record");
            // Texts, so that the order of keys counts.
            assert_eq!(messages.to_string(), served.messages.to_string());
            assert_eq!(tools.map(|tools| tools.to_string()), served.tools.map(|tools| tools.to_string()));
            // And without tools.
            example.tools.clear();
            prompt.tools.clear();
        }
    }
}
