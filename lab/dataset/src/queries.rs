//! What users ask, so that sets can be kept apart by it.

use std::collections::HashSet;

/// Shorter turns ("yes, please") are alike by chance and are not compared by themselves.
const LONG: usize = 24;

/// What is asked in a set of conversations. Two conversations share a query if all that their users say is
/// the same, or a turn of 24 characters or more is. Only letters and digits count, in lower case.
#[derive(Debug, Clone, Default)]
pub struct Queries(HashSet<String>);

impl Queries {
    /// Adds a conversation's, by its user's turns.
    pub fn add<'a>(&mut self, turns: impl IntoIterator<Item = &'a str>) {
        self.0.extend(keys(turns));
    }

    /// Whether a conversation, by its user's turns, shares one.
    pub fn share<'a>(&self, turns: impl IntoIterator<Item = &'a str>) -> bool {
        keys(turns).iter().any(|key| self.0.contains(key))
    }

    /// Number of different ones.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The whole of what the user says, and each long turn of it.
fn keys<'a>(turns: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let turns: Vec<String> = turns.into_iter().map(normal).collect();
    let whole = turns.join("\n");
    let mut keys: Vec<String> = turns.into_iter().filter(|turn| turn.chars().count() >= LONG).collect();
    keys.push(whole);
    keys
}

fn normal(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_hide_a_query() {
        let mut queries = Queries::default();
        queries.add(["Find me a  table for two, tonight!"]);
        queries.add(["Hello.", "Yes"]);
        assert!(queries.share(["hi", "find me a table for two tonight"]));
        assert!(queries.share(["hello", "yes!"]));
        assert!(!queries.share(["Yes"]), "a short turn is not compared by itself");
        assert!(!queries.share(["Find me a table for three, tonight!"]));
    }
}
