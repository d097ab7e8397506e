//! Where the strategies that go by steps differ.

use std::fmt;

use crate::candidate::Candidate;
use crate::command::Draw;
use crate::expansion::Expansion;
use crate::note::Fate;
use crate::settings::Settings;

/// How a search by steps spends: draws, rewards and places. Each strategy is one.
pub(crate) trait Allocation: fmt::Debug + Send {
    /// How beams are continued.
    fn draw(&self) -> Draw {
        Draw::Sample
    }

    /// How many draws the root gets, the most.
    fn root(&self, settings: &Settings) -> u32 {
        settings.samples()
    }

    /// How many of `most` draws a beam has made when it has made these: more than `drawn` asks for more. It
    /// is asked before the first, and again after each reply.
    fn draws(&self, settings: &Settings, most: u32, drawn: u32, expansions: &[Expansion]) -> u32 {
        let _ = (settings, drawn, expansions);
        most
    }

    /// Whether an expansion is judged before the round ends. `all` are those of its beam.
    fn judges(&self, expansion: &Expansion, all: &[Expansion]) -> bool {
        let _ = (expansion, all);
        true
    }

    /// Who lives on, one entry per candidate of a round. They come best first, complete ones with what became
    /// of them; these have ended whatever is said.
    fn retain(&mut self, settings: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>>;

    /// So many answers in the pool end the search.
    fn enough(&self, settings: &Settings) -> usize {
        let _ = settings;
        usize::MAX
    }

    /// Whether `max_rounds` bounds the search.
    fn counts_rounds(&self) -> bool {
        true
    }

    /// Whether answers are returned that no reward was asked for; their rewards are found at the end.
    fn awards_last(&self) -> bool {
        false
    }
}

/// The best that are not complete live on, so many.
pub(crate) fn best(places: u32, ranked: &[(Candidate, Option<Fate>)], lot: Lot) -> Vec<Option<Lot>> {
    let mut places = places;
    let place = |(_, fate): &(Candidate, Option<Fate>)| {
        let taken = fate.is_none() && places > 0;
        places -= u32::from(taken);
        taken.then_some(lot)
    };
    ranked.iter().map(place).collect()
}

/// What a candidate lives on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lot {
    /// The subtree to which it belongs, where a strategy has several.
    pub(crate) lineage: u32,
    /// How many draws it gets in the next round, the most.
    pub(crate) draws: u32,
}
