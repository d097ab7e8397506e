//! Counts in which nothing counts twice.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use serde::Serialize;

use super::output::{Calls, OutputCall};

/// Scores by matching calls one to one: a gold call is matched by at most one predicted call of its name, in
/// the way that gives the most equal arguments. Arguments are compared as Hammer's script does, by Python's
/// `str`, and an empty string counts as not given. Never above 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Strict {
    /// Of names.
    pub names: Scores,
    /// Of arguments; a call without any adds nothing.
    pub arguments: Scores,
}

/// Micro-averaged scores, from 0 to 1; 1 where there was nothing to find and nothing was predicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Correct ones.
    pub correct: usize,
    /// Predicted ones.
    pub predicted: usize,
    /// Right ones.
    pub gold: usize,
    /// Correct over predicted.
    pub precision: f64,
    /// Correct over right.
    pub recall: f64,
    /// 2 correct / (predicted + right).
    pub f1: f64,
}

impl Strict {
    pub(super) fn of(records: &[(Calls, Option<Calls>)]) -> Strict {
        let (mut names, mut arguments) = (Scores::default(), Scores::default());
        for (gold, predicted) in records {
            names.gold += gold.len();
            arguments.gold += gold.iter().map(OutputCall::given).sum::<usize>();
            // What is no list of calls is one wrong call.
            names.predicted += predicted.as_ref().map_or(1, Vec::len);
            let predicted = predicted.as_deref().unwrap_or_default();
            arguments.predicted += predicted.iter().map(OutputCall::given).sum::<usize>();
            let (pairs, equal) = matched(gold, predicted);
            names.correct += pairs;
            arguments.correct += equal;
        }
        Strict { names: names.divided(), arguments: arguments.divided() }
    }
}

/// How many calls match one to one, and how many arguments of theirs are equal at best.
fn matched(gold: &[OutputCall], predicted: &[OutputCall]) -> (usize, usize) {
    let (fewer, more) = if gold.len() <= predicted.len() { (gold, predicted) } else { (predicted, gold) };
    if fewer.is_empty() {
        return (0, 0);
    }
    // One more pair weighs more than all arguments together.
    let pair = 1 + fewer.iter().map(|call| call.given() as i64).sum::<i64>();
    let weight = |(row, column): (usize, usize)| match fewer[row].has_name_of(&more[column]) {
        true => pair + fewer[row].same_arguments(&more[column]) as i64,
        false => 0,
    };
    let (total, _) = kuhn_munkres(&Matrix::from_fn(fewer.len(), more.len(), weight));
    ((total / pair) as usize, (total % pair) as usize)
}

impl Scores {
    fn divided(mut self) -> Scores {
        let ratio = |of: usize, all: usize, otherwise: f64| match all {
            0 => otherwise,
            all => of as f64 / all as f64,
        };
        let nothing = if self.predicted + self.gold == 0 { 1.0 } else { 0.0 };
        self.precision = ratio(self.correct, self.predicted, nothing);
        self.recall = ratio(self.correct, self.gold, nothing);
        self.f1 = ratio(2 * self.correct, self.predicted + self.gold, nothing);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::prediction;
    use super::*;

    #[test]
    fn calls_are_matched_once_and_at_best() {
        let check = |gold: &str, predicted: &str, expected: (usize, usize)| {
            let [gold, predicted] = [gold, predicted].map(|text| prediction(text).expect("calls"));
            assert_eq!(matched(&gold, &predicted), expected, "{gold:?} {predicted:?}");
            assert_eq!(matched(&predicted, &gold), expected, "{predicted:?} {gold:?}");
        };
        let f = |arguments: &str| format!(r#"{{"name": "f", "arguments": {{{arguments}}}}}"#);
        let (one, two) = (f(r#""a": 1, "b": 2"#), f(r#""a": 1"#));
        check(&format!("[{one}]"), &format!("[{one}, {one}, {two}]"), (1, 2));
        // The first would take the second's best match.
        check(&format!("[{two}, {one}]"), &format!("[{one}, {two}]"), (2, 3));
        check(&format!("[{one}]"), r#"[{"name": "g", "arguments": {"a": 1}}]"#, (0, 0));
        check("[]", &format!("[{one}]"), (0, 0));
    }
}
