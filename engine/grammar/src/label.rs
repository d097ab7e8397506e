//! Which steps are right: the label rules (paper section 3.2, DESIGN "The answer grammar").

use std::sync::Arc;

use crate::answer::{Call, Step};
use crate::value::Value;

/// Labels the steps of one answer, in order, against every ground truth at once; a label is + if
/// it is + for one of them. Cheap to clone, so that answers that share steps share their labels.
#[derive(Debug, Clone)]
pub struct Labeler {
    truths: Vec<Truth>,
}

impl Labeler {
    /// A labeler at the start of an answer. Each of `truths` is a list of gold calls that would be
    /// right; without any, nothing is.
    pub fn new(truths: Vec<Vec<Call>>) -> Labeler {
        Labeler { truths: truths.into_iter().map(Truth::new).collect() }
    }

    /// The label of the answer's next step: true for +.
    pub fn label(&mut self, step: &Step) -> bool {
        // Every ground truth must see the step, whatever the others say of it.
        self.truths.iter_mut().fold(false, |positive, truth| truth.label(step) | positive)
    }
}

/// The labels of an answer's steps: true for +.
///
/// ```
/// use toolbeam_grammar::{Call, label::annotate, steps_of};
///
/// let gold = Call::from_json("weather", r#"{"city": "Paris", "days": 2}"#)?;
/// let wrong = Call::from_json("weather", r#"{"city": "Paris", "days": 2.0}"#)?;
/// let labels = annotate(&steps_of(&[wrong]), &[vec![gold]]);
/// // The name and the city are right; the days are not, and so no closing is.
/// assert_eq!(labels, [true, true, false, false, false, false]);
/// # Ok::<(), toolbeam_grammar::Malformed>(())
/// ```
pub fn annotate(steps: &[Step], truths: &[Vec<Call>]) -> Vec<bool> {
    let mut labeler = Labeler::new(truths.to_vec());
    steps.iter().map(|step| labeler.label(step)).collect()
}

/// How far an answer has come against one ground truth.
#[derive(Debug, Clone)]
struct Truth {
    gold: Arc<[Call]>,
    /// For each gold call, whether a call of the answer has consumed it.
    consumed: Vec<bool>,
    /// Gold calls still possible for the call that is open: not consumed, and consistent with its
    /// name and its correct pairs so far.
    possible: Vec<usize>,
    /// Whether the name of the call that is open is known.
    named: bool,
    /// Its arguments so far, wrong and repeated ones included.
    pairs: Vec<(String, Value)>,
    /// Whether a call of the answer equalled no gold call.
    missed: bool,
}

impl Truth {
    fn new(gold: Vec<Call>) -> Truth {
        Truth {
            consumed: vec![false; gold.len()],
            possible: (0..gold.len()).collect(),
            gold: gold.into(),
            named: false,
            pairs: Vec::new(),
            missed: false,
        }
    }

    fn label(&mut self, step: &Step) -> bool {
        match step {
            Step::FuncName(name) => {
                self.named = true;
                let gold = &self.gold;
                // A wrong name leaves nothing possible: every step of its call is then -.
                self.possible.retain(|&index| *gold[index].name == **name);
                !self.possible.is_empty()
            }
            Step::ArgValue { key, value } => self.argument(key, value),
            Step::ParamFinish => {
                self.possible.iter().any(|&index| self.pairs_are_those_of(&self.gold[index]))
            }
            Step::FuncFinish => self.close_call(),
            Step::TotalFinish => !self.missed && self.consumed.iter().all(|&consumed| consumed),
        }
    }

    fn argument(&mut self, key: &str, value: &Value) -> bool {
        let repeated = self.pairs.iter().any(|(seen, _)| seen == key);
        self.pairs.push((key.to_owned(), value.clone()));
        let has_pair = |&index: &usize| has_pair(&self.gold[index], key, value);
        if repeated || !self.possible.iter().any(has_pair) {
            return false;
        }
        let gold = &self.gold;
        self.possible.retain(|&index| self::has_pair(&gold[index], key, value));
        true
    }

    fn close_call(&mut self) -> bool {
        // What is possible has the call's name and its correct pairs.
        let equal = |&index: &usize| self.named && self.pairs_are_those_of(&self.gold[index]);
        let equal = self.possible.iter().copied().find(equal);
        match equal {
            Some(index) => self.consumed[index] = true,
            None => self.missed = true,
        }
        self.possible = (0..self.gold.len()).filter(|&index| !self.consumed[index]).collect();
        self.named = false;
        self.pairs.clear();
        equal.is_some()
    }

    /// Whether the pairs generated are exactly a gold call's, in any order. A repeated argument is
    /// a pair too many.
    fn pairs_are_those_of(&self, gold: &Call) -> bool {
        self.pairs.len() == gold.arguments.len()
            && self.pairs.iter().all(|(key, value)| has_pair(gold, key, value))
            && gold.arguments.iter().all(|pair| self.pairs.contains(pair))
    }
}

fn has_pair(gold: &Call, key: &str, value: &Value) -> bool {
    gold.arguments.iter().any(|(gold_key, gold_value)| gold_key == key && gold_value == value)
}
