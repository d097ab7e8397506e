//! What a run shows while it goes on: a live line on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use toolbeam_train::{ACCURACY, AREA, BALANCED, Counts, Figures, LOSS, Progress, RunEvent, Step};

/// Parts of the bar: a run's length may be a time.
const PARTS: u64 = 10_000;
/// Time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(30);
/// How much a new step counts in the figures that are shown.
const NEW: f64 = 0.03;

/// The line.
pub(super) struct Line {
    bar: ProgressBar,
    shown: Option<Instant>,
    loss: Option<f64>,
    accuracy: Option<f64>,
}

impl Line {
    pub(super) fn new() -> Line {
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::new(PARTS) } else { ProgressBar::hidden() };
        // The template is constant and well-formed.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent}% {msg}") {
            bar.set_style(style);
        }
        Line { bar, shown: None, loss: None, accuracy: None }
    }

    /// Shows what happened.
    pub(super) fn show(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Read { train, validation, steps } => {
                self.say(&described("learns from", train));
                if let Some(validation) = validation {
                    self.say(&described("validates with", validation));
                }
                if let Some(steps) = steps {
                    self.say(&format!("{steps} steps"));
                }
            }
            RunEvent::GoesOn { step } => self.say(&format!("goes on after step {step}")),
            RunEvent::Stepped(step) => self.stepped(step),
            RunEvent::Validated { step, figures } => {
                println!("validation after step {step}: {}", told(figures))
            }
            RunEvent::Exported(path) => println!("wrote {}", path.display()),
        }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    fn stepped(&mut self, step: &Step) {
        let smooth = |old: Option<f64>, new: Option<f64>| match (old, new) {
            (Some(old), Some(new)) => Some(old + NEW * (new - old)),
            (old, new) => new.or(old),
        };
        self.loss = smooth(self.loss, step.figures.get(LOSS));
        self.accuracy = smooth(self.accuracy, step.figures.get(ACCURACY));
        let Progress { tokens, seconds, .. } = step.progress;
        let text = format!(
            "step {}, loss {:.4}, accuracy {:.3}, {:.0} tokens/s, {} left",
            step.progress.step,
            self.loss.unwrap_or_default(),
            self.accuracy.unwrap_or_default(),
            tokens as f64 / seconds.max(1e-9),
            left(step)
        );
        if self.bar.is_hidden() {
            if self.shown.is_none_or(|shown| shown.elapsed() >= PAUSE) {
                self.shown = Some(Instant::now());
                eprintln!("{text}");
            }
            return;
        }
        self.bar.set_position((step.done * PARTS as f64) as u64);
        self.bar.set_message(text);
    }
}

/// The time that is left if it goes on as before.
fn left(step: &Step) -> String {
    let seconds = (step.progress.seconds / step.done.max(1e-9) * (1.0 - step.done)).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds % 3600 / 60),
    }
}

fn described(what: &str, counts: &Counts) -> String {
    let Counts { records, too_long, empty, tokens, saved } = counts;
    let shared = match saved {
        0 => String::new(),
        saved => format!(" (shared prompts save {saved} more)"),
    };
    format!(
        "{what} {records} records, {tokens} tokens{shared}; {too_long} answers are too long, {empty} records give \
         nothing"
    )
}

fn told(figures: &Figures) -> String {
    let others = [(BALANCED, figures.balanced()), (AREA, figures.area())];
    let named = figures.iter().chain(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
    named.map(|(name, value)| format!("{name} {value:.4}")).collect::<Vec<_>>().join(", ")
}
