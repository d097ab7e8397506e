//! The last touches of a query: its end, what stands around it, case and punctuation.

use std::sync::LazyLock;

use regex::Regex;

use super::phrasebook::{BOOK, capitalised};
use super::signature::is_imperative;
use super::style::{Manner, Style};
use super::texts::Texts;
use crate::draws::Draws;

static REPAIRS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rows = [
        (r"\s+", " "),
        (r" ([,.?:;])", "$1"),
        (r",( and)?,", ","),
        (r"\b(the|an|a|my) (the|an|a|my|all)\b", "$2"),
        (r"\b([Aa]) ([aeio])", "${1}n $2"),
    ];
    rows.into_iter().filter_map(|(pattern, with)| Some((Regex::new(pattern).ok()?, with))).collect()
});

static SELF: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bi\b").ok());

/// A clause with the end that it should have, or without.
pub(super) fn sentence(clause: &str, style: Style, draws: &mut Draws) -> String {
    const ASKS: [&str; 22] = [
        "what", "what's", "how", "who", "when", "where", "which", "can", "could", "would", "do", "does",
        "did", "is", "are", "may", "any", "why", "should", "has", "have", "will",
    ];
    let clause = clause.trim();
    if clause.ends_with(['.', '?', '!']) || !style.punctuated || style.manner == Manner::Terse {
        return clause.to_owned();
    }
    let one = !clause.contains(". ") && !clause.starts_with("do not ");
    let asks = one && clause.split(' ').next().is_some_and(|first| ASKS.contains(&first));
    let end = match draws.unit() {
        share if share < 0.06 => "",
        share if share < 0.85 && asks => "?",
        _ => ".",
    };
    format!("{clause}{end}")
}

/// The query: the line with what this style puts around it, and its values in their places.
pub(super) fn finished(line: &str, texts: &Texts, style: Style, draws: &mut Draws) -> String {
    let mut line = line.trim().to_owned();
    for (pattern, with) in REPAIRS.iter() {
        line = pattern.replace_all(&line, *with).into_owned();
    }
    if !style.punctuated {
        line = line.replace([',', ':', '(', ')', '.', '?', '!', ';', '"'], " ").replace(" = ", " ");
    }
    let line = around(&line, style, draws);
    let line = if style.lower {
        line.to_lowercase()
    } else {
        let line = SELF.as_ref().map_or(line.clone(), |me| me.replace_all(&line, "I").into_owned());
        if draws.chance(0.93) { capitalised(&line) } else { line }
    };
    let mut words: Vec<&str> = line.split_whitespace().collect();
    words.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    texts.put_back(&words.join(" "))
}

fn around(line: &str, style: Style, draws: &mut Draws) -> String {
    let ended = |line: &str| {
        let open = style.punctuated && !line.ends_with(['.', '?', '!']);
        if open { format!("{line}.") } else { line.to_owned() }
    };
    match style.manner {
        Manner::Spoken => {
            let comma = if style.punctuated { "," } else { "" };
            let line = match draws.chance(0.4) {
                true => format!("{}{comma} {line}", BOOK.any("wake", draws)),
                false => line.to_owned(),
            };
            let asks = line.split(' ').take(4).any(is_imperative) && !line.contains("please");
            if asks && draws.chance(0.12) {
                format!("{} please", line.trim_end_matches(['.', '?']))
            } else {
                line
            }
        }
        Manner::Chatty => {
            let before = if draws.chance(0.7) { BOOK.say("chatty opening", draws) } else { String::new() };
            let behind = if draws.chance(0.5) { BOOK.say("chatty ending", draws) } else { String::new() };
            format!("{before} {} {behind}", ended(&capitalised(line))).trim().to_owned()
        }
        Manner::Written if style.punctuated && draws.chance(0.1) => {
            format!("{} {}", BOOK.say("aside", draws), capitalised(line))
        }
        Manner::Written if style.punctuated && draws.chance(0.07) => {
            format!("{} {}", ended(line), BOOK.say("aside", draws))
        }
        Manner::Written | Manner::Terse => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_touched() {
        assert_eq!(REPAIRS.len(), 5);
        let mut draws = Draws::of(3, &[]);
        for punctuated in [true, false] {
            let style = Style { manner: Manner::Terse, lower: true, punctuated };
            let mut texts = Texts::default();
            let line = format!("Find , {} (a = {})", texts.hold("A, B.".into()), texts.hold("  C?".into()));
            let text = finished(&line, &texts, style, &mut draws);
            let expected = if punctuated { "find, A, B. (a =   C?)" } else { "find A, B. a   C?" };
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn what_asks_ends_with_a_question_mark() {
        let mut draws = Draws::of(3, &[]);
        let style = Style { manner: Manner::Written, lower: false, punctuated: true };
        let ends: Vec<String> = (0..50).map(|_| sentence("what is it", style, &mut draws)).collect();
        assert!(ends.iter().filter(|text| text.ends_with('?')).count() > 30);
        assert!(!sentence("do it. now.", style, &mut draws).ends_with('?'));
    }
}
