//! Adaptive allocation: draws where the policy disagrees with itself, and places where the reward model is in
//! doubt. The paper names it as future work (section 6).
//!
//! A beam makes a few draws first. While they decide more differently than each decision was seen often, it
//! makes more, up to what [`FineGrainedBeam`](super::fine_grained_beam::FineGrainedBeam) would make; decide all
//! the same, nothing is judged, and the reward model reads the step with the next one that is. Of a round only
//! those live on whose reward is within a margin of the best.

use crate::candidate::Candidate;
use crate::expansion::Expansion;
use crate::note::Fate;
use crate::settings::Settings;
use crate::strategy::stepwise::{Allocation, Lot};

/// See the module. N answers in the pool end the search, and so does one that is better than every beam by
/// more than the margin.
#[derive(Debug)]
pub(crate) struct Adaptive;

impl Allocation for Adaptive {
    fn draws(&self, settings: &Settings, most: u32, drawn: u32, expansions: &[Expansion]) -> u32 {
        match u32::try_from(expansions.len()).unwrap_or(u32::MAX) {
            0 if drawn == 0 => settings.probe_expansions,
            // Nothing of it was of use.
            0 => most,
            distinct => settings.probe_expansions.saturating_mul(distinct),
        }
    }

    fn judges(&self, expansion: &Expansion, all: &[Expansion]) -> bool {
        all.len() > 1 || expansion.answer.is_complete()
    }

    fn retain(&mut self, settings: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        let counts = |fate: &Option<Fate>| *fate != Some(Fate::SchemaInvalid);
        let best = ranked.iter().find(|(_, fate)| counts(fate)).map_or(0.0, |(best, _)| best.value);
        let mut places = settings.num_beams;
        let lot = Lot { lineage: 0, draws: settings.expansions_per_beam };
        let place = |(candidate, fate): &(Candidate, Option<Fate>)| {
            let near = candidate.value >= best - settings.reward_margin;
            let taken = fate.is_none() && near && places > 0;
            places -= u32::from(taken);
            taken.then_some(lot)
        };
        ranked.iter().map(place).collect()
    }

    fn enough(&self, settings: &Settings) -> usize {
        settings.num_beams as usize
    }
}
