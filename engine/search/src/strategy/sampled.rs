//! Whole answers drawn independently of each other, the beginnings that they share drawn once.

use crate::candidate::Candidate;
use crate::expansion::Expansion;
use crate::note::Fate;
use crate::settings::Settings;
use crate::strategy::stepwise::{Allocation, Lot};

/// Everything lives on with as many draws as decided it, which is independent sampling of N x M answers. It
/// takes rounds, so that limits, commits and a deadline are what they are in every search.
fn all_live_on(ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
    let lot = |(candidate, _): &(Candidate, Option<Fate>)| {
        Some(Lot { lineage: 0, draws: candidate.expansion.count })
    };
    ranked.iter().map(lot).collect()
}

/// Self-consistency (Wang et al., arXiv 2203.11171): the calls that most of N x M answers make. The reward
/// model is asked about what is returned only.
#[derive(Debug)]
pub(crate) struct Majority;

impl Allocation for Majority {
    fn judges(&self, _: &Expansion, _: &[Expansion]) -> bool {
        false
    }

    fn retain(&mut self, _: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        all_live_on(ranked)
    }

    fn awards_last(&self) -> bool {
        true
    }
}

/// Best-of-N (paper section 4): of N x M answers the one whose whole is judged best. Any kind of reward model
/// serves, and complete answers alone are judged.
#[derive(Debug)]
pub(crate) struct BestOfN;

impl Allocation for BestOfN {
    fn judges(&self, expansion: &Expansion, _: &[Expansion]) -> bool {
        expansion.answer.is_complete()
    }

    fn retain(&mut self, _: &Settings, ranked: &[(Candidate, Option<Fate>)]) -> Vec<Option<Lot>> {
        all_live_on(ranked)
    }
}
