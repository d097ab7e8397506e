//! Fine-grained beam search (paper section 3.4): every beam is continued M times by one step, the distinct
//! candidates are scored, and the best N over all beams live on.

use crate::candidate::Candidate;
use crate::note::Fate;
use crate::settings::Settings;
use crate::strategy::stepwise::{Allocation, Lot, best};

/// See the module. N answers in the pool end the search.
#[derive(Debug)]
pub(crate) struct FineGrainedBeam;

impl Allocation for FineGrainedBeam {
    fn retain(&mut self, settings: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        best(settings.num_beams, ranked, Lot { lineage: 0, draws: settings.expansions_per_beam })
    }

    fn enough(&self, settings: &Settings) -> usize {
        settings.num_beams as usize
    }
}
