//! Words and phrases to draw from: sections of alternatives, read from the text files in `data`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::draws::Draws;

/// Sections inside one another that are followed; a section that leads to itself ends there.
const MAX_DEPTH: usize = 8;

const TEXTS: [&str; 6] = [
    include_str!("data/words.txt"),
    include_str!("data/values.txt"),
    include_str!("data/phrases.txt"),
    include_str!("data/verbs.txt"),
    include_str!("data/objects.txt"),
    include_str!("data/talk.txt"),
];

/// The texts that functions and their values are read from.
const TABLES: [&str; 4] = [
    include_str!("data/kinds.txt"),
    include_str!("data/parameters.txt"),
    include_str!("data/nested.txt"),
    include_str!("data/assistant.txt"),
];

/// All that is said.
pub(super) static BOOK: LazyLock<Phrasebook> = LazyLock::new(|| Phrasebook::read(&TEXTS));

/// A hash of all text files: what an example is depends on them.
pub(crate) fn texts_digest() -> String {
    let mut hasher = blake3::Hasher::new();
    for text in TEXTS.iter().chain(&TABLES) {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Sections by name.
///
/// `[name] one, another` begins a section, whose further alternatives stand one per line. `3* ` before one
/// gives it three times the weight, and `-` is the empty one. In an alternative, `{name}` stands for one of
/// another section, `{^name}` for the same with a capital, `{3-50}` for a number, and `{#}`, `{A}`, `{a}` and
/// `{*}` for a digit, a capital, a small letter, and any of these.
#[derive(Debug, Default)]
pub(super) struct Phrasebook {
    sections: HashMap<&'static str, Vec<&'static str>>,
}

impl Phrasebook {
    fn read(texts: &[&'static str]) -> Phrasebook {
        let mut book = Phrasebook::default();
        for text in texts {
            let mut section = "";
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# "))
            {
                match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
                    Some((name, alternatives)) => {
                        section = name;
                        let alternatives = alternatives.split(", ").map(str::trim);
                        alternatives.filter(|one| !one.is_empty()).for_each(|one| book.add(name, one));
                    }
                    None => book.add(section, line),
                }
            }
        }
        book
    }

    fn add(&mut self, section: &'static str, alternative: &'static str) {
        let weighted =
            alternative.split_once("* ").and_then(|(times, text)| Some((times.parse().ok()?, text)));
        let (times, text): (usize, &str) = weighted.unwrap_or((1, alternative));
        let text = if text == "-" { "" } else { text };
        self.sections.entry(section).or_default().extend(std::iter::repeat_n(text, times));
    }

    /// Whether there is such a section.
    pub(super) fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// The alternatives of a section as they are written.
    pub(super) fn all(&self, section: &str) -> &[&'static str] {
        self.sections.get(section).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a section has a word.
    pub(super) fn lists(&self, section: &str, word: &str) -> bool {
        self.all(section).contains(&word)
    }

    /// One of a section as it is written; nothing of one that is not there.
    pub(super) fn any(&self, section: &str, draws: &mut Draws) -> &'static str {
        draws.pick(self.all(section)).copied().unwrap_or_default()
    }

    /// One of a section, with everything that stands for something replaced.
    pub(super) fn say(&self, section: &str, draws: &mut Draws) -> String {
        let text = self.any(section, draws);
        self.expand(text, draws, 0)
    }

    fn expand(&self, text: &str, draws: &mut Draws, depth: usize) -> String {
        let mut said = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else { break };
            said.push_str(before);
            said.push_str(&self.stand_in(name, draws, depth));
            rest = after;
        }
        said.push_str(rest);
        said
    }

    fn stand_in(&self, name: &str, draws: &mut Draws, depth: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
        let letter = |draws: &mut Draws| LETTERS[draws.below(LETTERS.len())] as char;
        match name {
            "#" => return draws.below(10).to_string(),
            "a" => return letter(draws).to_string(),
            "A" => return letter(draws).to_ascii_uppercase().to_string(),
            "*" => return self.stand_in(["#", "a", "A"][draws.weighted(&[0.16, 0.42, 0.42])], draws, depth),
            _ => {}
        }
        if let Some((low, high)) = range(name) {
            return draws.between(low, high).to_string();
        }
        if depth == MAX_DEPTH {
            return String::new();
        }
        let (capital, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let text = self.any(name, draws);
        let said = self.expand(text, draws, depth + 1);
        if capital { capitalised(&said) } else { said }
    }
}

fn range(name: &str) -> Option<(i64, i64)> {
    let (low, high) = name.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

/// The text with its first letter as a capital.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_a_section_leads_to_something() {
        for (section, alternatives) in &BOOK.sections {
            for alternative in alternatives {
                for name in alternative.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)) {
                    // `v`, `h` and `n` are put in by those who say the phrase.
                    let given = ["#", "a", "A", "*", "v", "h", "n"].contains(&name) || range(name).is_some();
                    let name = name.trim_start_matches('^');
                    assert!(given || BOOK.has(name), "[{section}] {alternative}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_phrase_is_expanded() {
        let book = Phrasebook::read(&["# note\n[a b] x, 2* {^c}{#}\n- \n[c] word\n"]);
        let mut draws = Draws::of(1, &[]);
        let mut said: Vec<String> = (0..60).map(|_| book.say("a b", &mut draws)).collect();
        said.sort();
        said.dedup();
        assert!(said.contains(&String::new()) && said.contains(&"x".to_owned()), "{said:?}");
        assert!(said.iter().any(|text| text.starts_with("Word") && text.len() == 5), "{said:?}");
    }
}
