//! What a failed command says, in one line, and its exit code.

use std::fmt;

use clap::Parser;
use clap::error::ErrorKind;
use toolbeam_client::{ClientError, Code};
use toolbeam_dataset::DatasetError;
use toolbeam_eval::EvalError;
use toolbeam_lm::LmError;
use toolbeam_policy::PolicyError;
use toolbeam_reward::RewardError;
use toolbeam_serve::ServeError;
use toolbeam_train::TrainError;

/// The exit codes, for help.
pub(crate) const CODES: &str = "\
Exit codes:
  0  done
  1  searched, and there is no valid answer, or it abstained; replay: something differs; the demo: too few answers equal their gold answers;
     models check: the folder serves as nothing; eval check-bfcl: a verdict differs; eval run, eval rewards,
     eval best-of-n: a record has no reply; dataset gate: a query is shared
  2  what was given is wrong: a flag, a file, or what they ask for
  3  what was needed failed: a service, a device, or time";

/// How a command ended. Its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(crate) enum Ended {
    Done = 0,
    /// It ran, and what it found is short of what was wanted.
    Short = 1,
    /// What was given is wrong. The number is clap's, too.
    Wrong = 2,
    Failed = 3,
}

/// A file that is not what it should be.
#[derive(Debug)]
pub(crate) struct WrongFile(pub(crate) String);

impl fmt::Display for WrongFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the command line. Ends the process with help, or with what is wrong in one line.
pub(crate) fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => {
            eprintln!("toolbeam: {}", one_line(&error.render().to_string()));
            toolbeam_serve::exit(Ended::Wrong as u8)
        }
    })
}

/// Says what went wrong.
pub(crate) fn report(error: &anyhow::Error) -> Ended {
    let said = format!("{error:#}");
    eprintln!("toolbeam: {}", said.lines().collect::<Vec<_>>().join(" "));
    if is_given(error) { Ended::Wrong } else { Ended::Failed }
}

/// Whether the error is about what was given, and not about what failed.
fn is_given(error: &anyhow::Error) -> bool {
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return matches!(
            error.code(),
            Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented
        );
    }
    if let Some(error) = error.downcast_ref::<ServeError>() {
        return !matches!(error, ServeError::Transport(_));
    }
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return !matches!(
            error,
            TrainError::Torch(_) | TrainError::Diverged { .. } | TrainError::Write { .. }
        );
    }
    if let Some(DatasetError::Policy { .. } | DatasetError::Write { .. }) = error.downcast_ref() {
        return false;
    }
    if let Some(error) = error.downcast_ref::<LmError>() {
        return !matches!(error, LmError::Torch(_) | LmError::Stopped | LmError::BatchFailed(_));
    }
    error.is::<WrongFile>()
        || error.is::<EvalError>()
        || error.is::<DatasetError>()
        || error.is::<PolicyError>()
        || error.is::<RewardError>()
}

/// clap's message without its usage: the paragraphs about the mistake.
fn one_line(message: &str) -> String {
    let paragraphs = message.split("\n\n").map(|paragraph| {
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    });
    let about = paragraphs
        .filter(|paragraph| {
            !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more information")
        })
        .collect::<Vec<_>>()
        .join("; ");
    format!("{}; see --help", about.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claps_mistakes_are_said_in_one_line() {
        let message = "error: the following arguments were not provided:\n  --tools <FILE>\n  <QUERY>\n\n  tip: one\n\
                       \nUsage: toolbeam call\n\nFor more information, try '--help'.\n";
        let expected =
            "the following arguments were not provided: --tools <FILE> <QUERY>; tip: one; see --help";
        assert_eq!(one_line(message), expected);
    }

    #[test]
    fn what_was_given_and_what_failed_have_codes_of_their_own() {
        let check =
            |error: anyhow::Error, expected: bool| assert_eq!(is_given(&error), expected, "{error:#}");
        let client = |code: Code| ClientError::Refused {
            code,
            message: String::new(),
            violations: Vec::new(),
            retry_after: None,
        };
        check(client(Code::InvalidArgument).into(), true);
        check(client(Code::Unavailable).into(), false);
        check(client(Code::DeadlineExceeded).into(), false);
        check(anyhow::anyhow!("no JSON").context(WrongFile("tools.json".to_owned())), true);
        check(anyhow::Error::from(LmError::Stopped).context("warming up"), false);
    }
}
