//! `cargo xtask`: set-up, demo, tests and checks of the Toolbeam workspace.
//!
//! It is built before libtorch exists, so it depends on no other crate of the workspace and on
//! nothing that links libtorch. Each command is one file and calls the cargo commands that a person
//! would type.

mod bench;
mod ci;
mod demo;
mod fuzz;
mod lint;
mod process;
mod regen;
mod setup;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, demo, tests and checks of the Toolbeam workspace.
///
/// A machine needs cargo, a C++ compiler and Python 3 with pip; libtorch is installed into .libtorch
/// on first use. Once it is there, plain `cargo build`, `cargo test` and an editor work too.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Arguments),
    Demo(demo::Arguments),
    Test(test::Arguments),
    Lint(lint::Arguments),
    Ci(ci::Arguments),
    Regen(regen::Arguments),
    Fuzz(fuzz::Arguments),
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Setup(arguments) => setup::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Ci(arguments) => ci::run(&arguments),
        Command::Regen(arguments) => regen::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The child has already said what is wrong; its exit code is ours.
        Err(error) => match error.downcast_ref::<process::ChildFailed>() {
            Some(child) => child.exit_code(),
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
