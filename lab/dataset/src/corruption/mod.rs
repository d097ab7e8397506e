//! Right answers made wrong in one decision: what a policy might have written and did not.
//!
//! The mistakes are those that policies make: another function, a call or an argument too many or too few,
//! values in each other's place, a value that is nearly right or stands elsewhere in the query.

mod mistake;
mod near_miss;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;
use toolbeam_grammar::Call;

use self::mistake::{Mistake, Situation};
use crate::draws::Draws;
use crate::example::Example;
use crate::set::Answer;

/// Tries to make a mistake before there is none.
const TRIES: usize = 24;

/// A wrong variant of an example's right calls with one decision made wrong. Never equal to the right calls,
/// whatever their order. None if the right calls are none, or nothing was found in a number of tries.
pub(crate) fn corrupt(example: &Example, draws: &mut Draws) -> Option<Vec<Answer>> {
    let situation = Situation::of(example)?;
    (0..TRIES).find_map(|_| {
        let mistake = Mistake::draw(&situation, draws)?;
        mistaken(&situation, mistake, draws)
    })
}

/// The right calls with a mistake of this kind, if it is one here.
fn mistaken(situation: &Situation, mistake: Mistake, draws: &mut Draws) -> Option<Vec<Answer>> {
    let calls: Option<Vec<Call>> = mistake.made(situation, draws)?.iter().map(call).collect();
    let calls = calls?;
    if same(&calls, &situation.right) {
        return None;
    }
    Some(calls.iter().map(Answer::of).collect())
}

/// A call while it is worked on.
#[derive(Debug, Clone)]
struct Draft {
    name: String,
    arguments: serde_json::Map<String, Value>,
}

fn call(draft: &Draft) -> Option<Call> {
    let text = serde_json::to_string(&draft.arguments).ok()?;
    Call::from_json(draft.name.as_str(), &text).ok()
}

/// Whether these are the same calls, in any order.
fn same(one: &[Call], other: &[Call]) -> bool {
    fn counts(calls: &[Call]) -> HashMap<&Call, usize> {
        let mut counts = HashMap::new();
        calls.iter().for_each(|call| *counts.entry(call).or_default() += 1);
        counts
    }
    counts(one) == counts(other)
}
