//! The strategies, one per file.

mod completion;
mod fine_grained_beam;
mod greedy;

use crate::command::Command;
use crate::event::Event;
use crate::settings::{Settings, SettingsError, StrategyKind};

/// A deterministic machine that decides a search.
///
/// The commands that follow from the replies of a round do not depend on the order in which the
/// replies arrive; only `Score` and the notes that answer a single `Expanded` or `Scored` come with
/// that event. After `Finish` every event is ignored.
pub trait Strategy: Send {
    /// The first commands. Called once, before any event.
    fn start(&mut self) -> Vec<Command>;

    /// What follows from an event.
    fn on_event(&mut self, event: Event) -> Vec<Command>;
}

/// The strategy that `settings` name.
///
/// # Errors
/// If the settings do not [validate](Settings::validate).
pub fn strategy(settings: Settings) -> Result<Box<dyn Strategy>, SettingsError> {
    settings.validate()?;
    Ok(match settings.strategy {
        // Where everything is dictated there is nothing to search.
        _ if settings.root().is_complete() => Box::new(greedy::Greedy::new(settings)),
        StrategyKind::Greedy => Box::new(greedy::Greedy::new(settings)),
        StrategyKind::FineGrainedBeam => Box::new(fine_grained_beam::FineGrainedBeam::new(settings)),
    })
}
