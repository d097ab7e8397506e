//! `toolbeam train compare`: reward models of three granularities beside each other.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use toolbeam_reward::RewardKind;
use toolbeam_train::{RunConfig, Settings, compare};

use super::line::Line;

/// Trains what is not trained yet and prints the table last. False if `stop` was set before the end.
pub(super) fn go(config: &RunConfig, settings: &Settings, stop: &AtomicBool) -> Result<bool> {
    let mut line = Line::new();
    let mut shown: Option<RewardKind> = None;
    let comparison = compare(config, settings, |kind, event| {
        if shown != Some(kind) {
            line.finish();
            line = Line::new();
            shown = Some(kind);
            println!("{}", kind.name());
        }
        line.show(&event);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    line.finish();
    let Some(comparison) = comparison? else { return Ok(false) };
    for path in comparison.write(&config.run)? {
        println!("wrote {}", path.display());
    }
    print!("\n{}", comparison.markdown());
    Ok(true)
}
