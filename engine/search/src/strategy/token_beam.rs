//! Token-level beam search by log-probability, the paper's baseline (section 4): every beam goes on by each of
//! its M most probable tokens, and the N most probable over all live on. The reward model is asked about what
//! is returned only.

use crate::candidate::Candidate;
use crate::command::Draw;
use crate::expansion::Expansion;
use crate::note::Fate;
use crate::settings::Settings;
use crate::strategy::stepwise::{Allocation, Lot, best};

/// See the module. A round is one token. Answers are ranked by the mean log-probability of their tokens
/// (`log_probability_weight` is 1); those that live have equally many.
#[derive(Debug)]
pub(crate) struct TokenBeam;

impl Allocation for TokenBeam {
    fn draw(&self) -> Draw {
        Draw::Top
    }

    fn judges(&self, _: &Expansion, _: &[Expansion]) -> bool {
        false
    }

    fn retain(&mut self, settings: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        let lot = Lot { lineage: 0, draws: settings.expansions_per_beam };
        best(settings.num_beams, ranked, lot)
    }

    fn enough(&self, settings: &Settings) -> usize {
        settings.num_beams as usize
    }

    fn counts_rounds(&self) -> bool {
        false
    }

    fn awards_last(&self) -> bool {
        true
    }
}
