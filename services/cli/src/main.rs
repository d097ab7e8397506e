//! The `toolbeam` command: a role per subcommand, and all roles in one process.

mod bench;
mod call;
mod cancel;
mod check;
mod connection;
mod dataset;
mod demo;
mod eval;
mod events;
mod exit;
mod models;
mod output;
mod replay;
mod report;
mod roles;
mod tools;
mod train;

use clap::{Parser, Subcommand};
use toolbeam_serve::{TelemetryConfig, init_telemetry};

use exit::Ended;

/// Which function calls should be made? Toolbeam answers by search.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = exit::CODES)]
struct Cli {
    #[command(flatten)]
    telemetry: TelemetryConfig,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve everything in one process: search, policy and scorer on one port.
    Serve(roles::ServeArgs),
    /// Serve a policy model.
    Policy(roles::PolicyArgs),
    /// Serve a reward model.
    Scorer(roles::ScorerArgs),
    /// Serve searches over a policy and a scorer elsewhere.
    Gateway(roles::GatewayArgs),
    /// Search once and print the answer.
    Call(call::CallArgs),
    /// Run a search again that `call --save` kept, and say the first difference.
    Replay(replay::ReplayArgs),
    /// End a running search.
    Cancel(cancel::CancelArgs),
    /// Search the queries that ship with Toolbeam and compare with their gold answers.
    Demo(demo::DemoArgs),
    /// Measure answers against evaluation sets.
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// Make sets for training and validation.
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Train policies and reward models.
    #[command(subcommand)]
    Train(train::TrainCommand),
    /// Compare runs of an evaluation: accuracy with intervals, cost, faults.
    Report(report::ReportArgs),
    /// Measure how fast a model is here, without services: tokens and seconds.
    Bench(bench::BenchArgs),
    /// Look at model folders.
    #[command(subcommand)]
    Models(check::ModelsCommand),
}

#[tokio::main]
async fn main() {
    let mut cli: Cli = exit::parse();
    let is_service = match cli.command {
        Command::Serve(_) | Command::Policy(_) | Command::Scorer(_) | Command::Gateway(_) => true,
        Command::Call(_)
        | Command::Replay(_)
        | Command::Cancel(_)
        | Command::Demo(_)
        | Command::Eval(_)
        | Command::Dataset(_)
        | Command::Train(_)
        | Command::Report(_)
        | Command::Bench(_)
        | Command::Models(_) => false,
    };
    if !is_service && std::env::var_os("TOOLBEAM_LOG").is_none() && cli.telemetry.log_filter == "info" {
        // What a person asked for is on standard output, and what is wrong is said once, at the end.
        cli.telemetry.log_filter = "error".to_owned();
    }
    let ended = match init_telemetry(&cli.telemetry) {
        Ok(()) => run(cli.command).await,
        Err(error) => Err(error.into()),
    };
    toolbeam_serve::exit(ended.unwrap_or_else(|error| exit::report(&error)) as u8)
}

async fn run(command: Command) -> anyhow::Result<Ended> {
    match command {
        Command::Serve(args) => roles::serve(args).await.map(|()| Ended::Done),
        Command::Policy(args) => roles::policy(args).await.map(|()| Ended::Done),
        Command::Scorer(args) => roles::scorer(args).await.map(|()| Ended::Done),
        Command::Gateway(args) => roles::gateway(args).await.map(|()| Ended::Done),
        Command::Call(args) => call::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Eval(command) => eval::run_eval(command).await,
        Command::Dataset(command) => dataset::run(command).await,
        Command::Train(command) => train::run(command).await,
        Command::Report(args) => report::run(&args),
        Command::Bench(args) => bench::run(args).await,
        Command::Models(command) => check::run_models(command),
    }
}
