//! All functions that queries are made for, and which of them go together.

use std::collections::{BTreeSet, HashMap};

use super::action::can_be_asked_for;
use super::signature::Signature;
use crate::draws::Draws;

/// More functions than this share a word that says little.
const MOST_BY_WORD: usize = 60;
/// How often a tool beside the right ones is of their set, and how often of their field.
const SAME_GROUP: f64 = 0.7;
const SAME_FIELD: f64 = 0.3;
/// Tries to find another tool before a record has fewer.
const TRIES: usize = 40;

/// Functions by what they are about.
#[derive(Debug)]
pub(super) struct Catalogue {
    signatures: Vec<Signature>,
    /// All of each set, and those that a query can be made for.
    groups: Vec<Vec<usize>>,
    asked_for: Vec<Vec<usize>>,
    weights: Vec<f64>,
    by_word: HashMap<String, Vec<usize>>,
}

impl Catalogue {
    /// Of sets with the weight that each has; of a name that comes twice the first stays.
    pub(super) fn new(sets: Vec<(f64, Vec<Signature>)>) -> Catalogue {
        let mut names = BTreeSet::new();
        let mut catalogue = Catalogue {
            signatures: Vec::new(),
            groups: vec![Vec::new(); sets.len()],
            asked_for: vec![Vec::new(); sets.len()],
            weights: sets.iter().map(|(weight, _)| *weight).collect(),
            by_word: HashMap::new(),
        };
        for signature in sets.into_iter().flat_map(|(_, signatures)| signatures) {
            if names.insert(signature.tool.name.clone()) {
                catalogue.add(signature);
            }
        }
        for (weight, asked_for) in catalogue.weights.iter_mut().zip(&catalogue.asked_for) {
            *weight = if asked_for.is_empty() { 0.0 } else { *weight };
        }
        catalogue
    }

    fn add(&mut self, signature: Signature) {
        let index = self.signatures.len();
        self.groups[signature.group].push(index);
        if can_be_asked_for(&signature) {
            self.asked_for[signature.group].push(index);
        }
        for word in &signature.core {
            self.by_word.entry(word.clone()).or_default().push(index);
        }
        self.signatures.push(signature);
    }

    /// A function.
    pub(super) fn signature(&self, index: usize) -> &Signature {
        &self.signatures[index]
    }

    /// Whether queries can be made for a function.
    pub(super) fn is_asked_for(&self, index: usize) -> bool {
        self.asked_for[self.signatures[index].group].contains(&index)
    }

    /// Number of functions that queries can be made for.
    pub(super) fn len(&self) -> usize {
        self.asked_for.iter().map(Vec::len).sum()
    }

    /// One that a query can be made for.
    pub(super) fn pick(&self, draws: &mut Draws) -> Option<usize> {
        let group = draws.weighted(&self.weights);
        self.asked_for.get(group).and_then(|group| draws.pick(group)).copied()
    }

    /// One that is about the same as another.
    pub(super) fn near(&self, other: usize, draws: &mut Draws) -> Option<usize> {
        let words: Vec<&String> = self.signatures[other].core.iter().collect();
        let found = self.by_word.get(*draws.pick(&words)?)?;
        if found.len() > MOST_BY_WORD { None } else { draws.pick(found).copied() }
    }

    /// One to stand beside others: often of their set or field.
    fn beside(&self, others: &[usize], draws: &mut Draws) -> Option<usize> {
        let other = draws.pick(others).copied();
        let near = other.filter(|_| draws.chance(SAME_FIELD)).and_then(|other| self.near(other, draws));
        let group = other.filter(|_| draws.chance(SAME_GROUP)).map(|other| self.signatures[other].group);
        near.or_else(|| match group {
            Some(group) => draws.pick(&self.groups[group]).copied(),
            None => self.pick(draws),
        })
    }

    /// The functions and more, up to a number, in any order. None of those added may be what a query for
    /// one of them asks for, and each fits.
    pub(super) fn offered(
        &self,
        functions: &[usize],
        number: usize,
        fits: &dyn Fn(&Signature) -> bool,
        draws: &mut Draws,
    ) -> Vec<usize> {
        self.beside_all(functions, functions, number, fits, draws)
    }

    /// As [`Catalogue::offered`], of the set and field of other functions than those that are there.
    pub(super) fn beside_all(
        &self,
        like: &[usize],
        functions: &[usize],
        number: usize,
        fits: &dyn Fn(&Signature) -> bool,
        draws: &mut Draws,
    ) -> Vec<usize> {
        let mut offered = functions.to_vec();
        offered.dedup();
        for _ in 0..TRIES {
            if offered.len() >= number {
                break;
            }
            let Some(candidate) = self.beside(like, draws) else { continue };
            let signature = &self.signatures[candidate];
            let taken = offered.iter().any(|other| self.signatures[*other].resembles(signature));
            if !taken && fits(signature) {
                offered.push(candidate);
            }
        }
        draws.shuffle(&mut offered);
        offered
    }
}
