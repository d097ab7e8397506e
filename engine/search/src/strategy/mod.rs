//! The strategies, one per file.

mod adaptive;
mod completion;
mod diverse_beam;
mod fine_grained_beam;
mod greedy;
mod sampled;
mod stepwise;
mod token_beam;

use crate::command::Command;
use crate::event::Event;
use crate::settings::{Settings, SettingsError, StrategyKind};

use adaptive::Adaptive;
use diverse_beam::DiverseBeam;
use fine_grained_beam::FineGrainedBeam;
use greedy::Greedy;
use sampled::{BestOfN, Majority};
use stepwise::Stepwise;
use token_beam::TokenBeam;

/// A deterministic machine that decides a search.
///
/// The commands that follow from the replies of a round do not depend on the order in which the
/// replies arrive; only what answers a single `Expanded` or `Scored` comes with that event: `Score`, `Expand`
/// of the same beam for more draws, and notes. After `Finish` every event is ignored.
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
        _ if settings.root().is_complete() => Box::new(Greedy::new(settings)),
        StrategyKind::Greedy => Box::new(Greedy::new(settings)),
        StrategyKind::Majority => Box::new(Stepwise::new(settings, Majority)),
        StrategyKind::BestOfN => Box::new(Stepwise::new(settings, BestOfN)),
        StrategyKind::TokenBeam => {
            let settings = Settings { log_probability_weight: 1.0, ..settings };
            Box::new(Stepwise::new(settings, TokenBeam))
        }
        StrategyKind::FineGrainedBeam => Box::new(Stepwise::new(settings, FineGrainedBeam)),
        StrategyKind::DiverseBeam => Box::new(Stepwise::new(settings, DiverseBeam::default())),
        StrategyKind::Adaptive => Box::new(Stepwise::new(settings, Adaptive)),
    })
}
