//! Beam search in independent subtrees (Beeching et al., "Scaling test-time compute with open models", 2024:
//! diverse verifier tree search): the N places are given to first steps that differ, and from then on a
//! candidate competes with those of its own subtree alone, so that one first step that the reward model
//! likes too well cannot take all.

use crate::candidate::Candidate;
use crate::note::Fate;
use crate::settings::Settings;
use crate::strategy::stepwise::{Allocation, Lot};

/// See the module. The search ends when no subtree lives.
#[derive(Debug, Default)]
pub(crate) struct DiverseBeam {
    /// The places of each subtree; none before the first round.
    widths: Vec<u32>,
}

impl Allocation for DiverseBeam {
    fn retain(&mut self, settings: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        let draws = settings.expansions_per_beam;
        if self.widths.is_empty() {
            return self.plant(settings.num_beams, ranked, draws);
        }
        // An answer keeps the place that it took.
        let mut free = self.widths.clone();
        let place = |(candidate, fate): &(Candidate, Option<Fate>)| {
            let lineage = candidate.lineage;
            let tree = lineage as usize;
            let free = free.get_mut(tree).filter(|free| **free > 0)?;
            match fate {
                Some(Fate::SchemaInvalid) => return None,
                Some(_) => self.widths[tree] -= 1,
                None => {}
            }
            *free -= 1;
            fate.is_none().then_some(Lot { lineage, draws })
        };
        ranked.iter().map(place).collect()
    }
}

impl DiverseBeam {
    /// Makes each of the best first steps a subtree. Are there fewer than places, the better ones are wider.
    fn plant(&mut self, places: u32, ranked: &[(Candidate, Option<Fate>)], draws: u32) -> Vec<Option<Lot>> {
        let valid = ranked.iter().filter(|(_, fate)| *fate != Some(Fate::SchemaInvalid));
        let best = valid.take(places as usize);
        let (ended, open): (Vec<_>, Vec<_>) = best.partition(|(_, fate)| fate.is_some());
        let trees = open.len() as u32;
        let places = places - ended.len() as u32;
        self.widths = (0..trees).map(|tree| places / trees + u32::from(tree < places % trees)).collect();
        let mut next = 0..trees;
        let tree = |(_, fate): &(Candidate, Option<Fate>)| match fate {
            None => next.next().map(|lineage| Lot { lineage, draws }),
            Some(_) => None,
        };
        ranked.iter().map(tree).collect()
    }
}
