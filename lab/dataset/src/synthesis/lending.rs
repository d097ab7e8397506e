//! Example values of one parameter for others of like names: descriptions give thousands of them, of every
//! field, which no list of words has.

use std::collections::HashMap;

use super::kinds::words_of;
use super::signature::{Parameter, Shape, Signature};

/// Kinds whose words say little of what belongs there.
const VAGUE: [&str; 6] = ["phrase", "word", "title", "topic", "level", "material"];
/// The most values that are lent to one parameter.
const MOST: usize = 16;

/// Gives parameters of vague kinds and without examples those of parameters whose names end alike.
pub(super) fn lend_examples<'a>(signatures: impl Iterator<Item = &'a mut Signature>) {
    let mut signatures: Vec<&mut Signature> = signatures.collect();
    let mut lent: HashMap<String, Vec<String>> = HashMap::new();
    for parameter in signatures.iter().flat_map(|signature| &signature.parameters) {
        if let Some(last) = last_word(parameter) {
            lent.entry(last).or_default().extend(parameter.examples.iter().cloned());
        }
    }
    let parameters = signatures.iter_mut().flat_map(|signature| &mut signature.parameters);
    let vague = parameters.filter(|parameter| {
        let free = matches!(parameter.shape, Shape::Text) && parameter.examples.is_empty();
        free && VAGUE.contains(&parameter.kind)
    });
    for (place, parameter) in vague.enumerate() {
        let Some(values) = last_word(parameter).and_then(|last| lent.get(&last)) else { continue };
        // Others for each, so that all are used.
        let begin = (place * MOST) % values.len().max(1);
        parameter.examples =
            values.iter().cycle().skip(begin).take(MOST.min(values.len())).cloned().collect();
    }
}

fn last_word(parameter: &Parameter) -> Option<String> {
    words_of(&parameter.name).pop()
}
