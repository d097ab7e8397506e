//! Names, random ones, and old ones in prose.

use std::collections::BTreeMap;

use crate::draws::Draws;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A name of letters, digits, dots and underscores, of a length between the two.
pub(super) fn random_name(draws: &mut Draws, (least, most): (usize, usize)) -> String {
    let length = least + draws.below(most - least + 1);
    (0..length).map(|_| char::from(LETTERS[draws.below(LETTERS.len())])).collect()
}

/// What each name becomes.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    renamed: BTreeMap<String, String>,
    /// Names of the parameters of one tool, which are keys there.
    own: BTreeMap<String, String>,
    /// Whether names that are words are replaced in prose, too.
    words: bool,
}

impl Names {
    /// Names of functions. Those that are words are meant in prose only if `words`.
    pub(super) fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, words: bool) -> Names {
        let renamed = pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
        Names { renamed, own: BTreeMap::new(), words }
    }

    /// These and the names of a tool's parameters.
    pub(super) fn with<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Names {
        let own: BTreeMap<String, String> =
            pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
        let mut renamed = self.renamed.clone();
        // In the prose of a tool, its own parameter is meant before another tool.
        renamed.extend(own.clone());
        Names { renamed, own, words: self.words }
    }

    /// What a parameter of the tool becomes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// Whether a text is one of the names, or holds one that is no word.
    pub(super) fn are_in(&self, text: &str) -> bool {
        self.renamed.contains_key(text) || self.replaced(text) != text
    }

    /// A text with the names in it replaced, whole ones only.
    pub(super) fn replaced(&self, text: &str) -> String {
        let mut names: Vec<(&String, &String)> = self.renamed.iter().collect();
        names.retain(|(from, _)| !from.is_empty() && text.contains(*from));
        names.retain(|(from, _)| self.words || is_identifier(from));
        if names.is_empty() {
            return text.to_owned();
        }
        // Of two that begin alike, the longer one is meant.
        names.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        let mut replaced = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(letter) = text[at..].chars().next() {
            let found = names.iter().find(|(from, _)| stands_at(text, at, from));
            match found {
                Some((from, to)) => {
                    replaced.push_str(to);
                    at += from.len();
                }
                None => {
                    replaced.push(letter);
                    at += letter.len_utf8();
                }
            }
        }
        replaced
    }
}

/// Whether a name is none of a language's words: it has an underscore, a digit, a sign, or a capital within.
fn is_identifier(name: &str) -> bool {
    let joined = name.contains(|letter: char| !letter.is_alphabetic());
    let mut pairs = name.chars().zip(name.chars().skip(1));
    joined || pairs.any(|(before, letter)| before.is_lowercase() && letter.is_uppercase())
}

/// Whether a name stands in a text at a place, and not as a part of a longer one.
fn stands_at(text: &str, at: usize, name: &str) -> bool {
    let continues = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (before, rest) = text.split_at(at);
    rest.strip_prefix(name).is_some_and(|after| {
        !before.chars().next_back().is_some_and(continues) && !after.chars().next().is_some_and(continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_that_are_no_words_are_replaced() {
        let pairs = [("get_weather", "A"), ("get_weather_now", "B"), ("city", "C"), ("startDate", "D.")];
        let names = Names::of(pairs.into_iter(), false);
        let check = |text: &str, expected: &str| assert_eq!(names.replaced(text), expected);
        check("Like get_weather.", "Like A.");
        check("get_weather_now, not get_weather_then", "B, not get_weather_then");
        check("the city from `startDate` on", "the city from `D.` on");
        check("über_get_weather", "über_get_weather");
        assert!(names.are_in("city") && !names.are_in("the city") && names.are_in("the startDate"));
    }
}
