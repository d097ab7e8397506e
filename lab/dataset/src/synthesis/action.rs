//! What a tool does, in the words of somebody who wants it done.

use std::sync::LazyLock;

use regex::Regex;

use super::kinds::words_of;
use super::phrasebook::BOOK;
use super::signature::{Signature, imperative, is_imperative};
use super::style::{Manner, Style};
use crate::draws::Draws;

/// The most words of a description that a query takes over.
const MAX_WORDS: usize = 18;

/// Verbs after which a query may as well ask for the thing itself: "what is the ...".
const LOOKS: [&str; 17] = [
    "retrieve",
    "get",
    "fetch",
    "return",
    "provide",
    "obtain",
    "look",
    "find",
    "calculate",
    "compute",
    "determine",
    "check",
    "search",
    "show",
    "list",
    "query",
    "look up",
];

/// What descriptions say for nobody's sake, each of it left out with some probability.
static LEFT_OUT: LazyLock<Vec<(f64, Regex, &str)>> = LazyLock::new(|| {
    let rows = [
        (1.0, r"\s*\([^)]*\)", ""),
        (1.0, r"(?i)\b(using|from|via|by|with|through) the \w* ?(rapidapi|api|endpoint|toolbench).*$", ""),
        (
            0.5,
            r"\s+(for|of|in|from|based on|given|using|by|with|at|to) (a |an |the |its )?(given|specific|specified|particular|provided|certain)\b.*$",
            "",
        ),
        (1.0, r"\b(a |an |the )(given|specific|specified|particular|provided|certain) ", "the "),
        (0.35, r"\s+(based on|given the|given a|given an|given|using|by) .*$", ""),
        (0.15, r"\s+(for|in|from|at|on) \w+( \w+){0,3}$", ""),
    ];
    let compiled = |(share, pattern, with)| Some((share, Regex::new(pattern).ok()?, with));
    rows.into_iter().filter_map(compiled).collect()
});

/// A request without its values, in small letters.
pub(super) fn request(signature: &Signature, style: Style, draws: &mut Draws) -> String {
    if !signature.openings.is_empty() {
        return opening(signature, style, draws);
    }
    let (verb, rest) = verb_and_rest(signature, draws);
    let rest = if signature.is_bare() { with_article(&rest, draws) } else { rest };
    if style.manner == Manner::Terse {
        let looks = verb.as_deref().is_none_or(|verb| LOOKS.contains(&verb));
        return if looks && draws.chance(0.7) { rest } else { spaced(verb.as_deref(), &rest) };
    }
    let Some(verb) = verb else { return format!("{} {rest}", noun_lead(&rest, draws)) };
    const NOT_NOUNS: [&str; 6] = ["if ", "whether ", "about ", "for ", "that ", "how "];
    let noun = !rest.is_empty() && !NOT_NOUNS.iter().any(|start| rest.starts_with(start));
    if LOOKS.contains(&verb.as_str()) && noun && draws.chance(0.33) {
        let named = ["the ", "a ", "an ", "my ", "all ", "some "].iter().any(|start| rest.starts_with(start));
        let the = if named || draws.chance(0.3) { "" } else { "the " };
        return format!("{} {the}{rest}", noun_lead(&rest, draws));
    }
    let others = format!("verb {verb}");
    let verb = if BOOK.has(&others) && draws.chance(0.5) { BOOK.any(&others, draws) } else { &verb };
    spaced(before(verb, style, draws), &spaced(Some(verb), &rest))
}

/// Whether a query can be made for it in words: it has a known opening, or a verb, or a description.
pub(super) fn can_be_asked_for(signature: &Signature) -> bool {
    let words = words_of(&signature.tool.name);
    let has_verb = || words.iter().any(|word| is_imperative(&imperative(word)));
    !signature.openings.is_empty() || !signature.is_bare() || has_verb()
}

fn opening(signature: &Signature, style: Style, draws: &mut Draws) -> String {
    let opening = draws.pick(&signature.openings).map(String::as_str).unwrap_or_default();
    let verb = opening.split(' ').next().filter(|first| is_imperative(first));
    let politely = style.manner != Manner::Terse && draws.chance(0.7);
    match verb.filter(|_| politely) {
        // "tell me" and "give me" want no "help me" before them.
        Some(_) if opening.contains(" me ") => spaced(before("tell me", style, draws), opening),
        Some(verb) => spaced(before(verb, style, draws), opening),
        None => opening.to_owned(),
    }
}

/// What is said before a verb, if anything.
fn before(verb: &str, style: Style, draws: &mut Draws) -> Option<&'static str> {
    let before = match style.manner {
        // "what is" and "show me" are not what somebody needs to do.
        _ if verb.starts_with("what") => "",
        _ if verb.ends_with(" me") => ["", "please", "can you", "could you"][draws.below(4)],
        Manner::Spoken => BOOK.any("before imperative spoken", draws),
        Manner::Chatty if draws.chance(0.6) => BOOK.any("chatty before", draws),
        _ => BOOK.any("before imperative", draws),
    };
    Some(before).filter(|before| !before.is_empty())
}

fn noun_lead(rest: &str, draws: &mut Draws) -> &'static str {
    let lead = BOOK.any("before noun", draws);
    match lead {
        "what is" | "what's" if rest.split(' ').next_back().is_some_and(|word| word.ends_with('s')) => {
            "what are"
        }
        lead => lead,
    }
}

fn spaced(first: Option<&str>, rest: &str) -> String {
    match first {
        Some(first) if !rest.is_empty() => format!("{first} {rest}"),
        Some(first) => first.to_owned(),
        None => rest.to_owned(),
    }
}

/// The verb, if there is one, and what it is done to.
fn verb_and_rest(signature: &Signature, draws: &mut Draws) -> (Option<String>, String) {
    let mut words = if signature.is_bare() { bare_words(signature) } else { described(signature, draws) };
    if words.len() < 2 {
        words = bare_words(signature);
    }
    let first = words.first().map(|word| imperative(word));
    let mut first = first.filter(|word| is_imperative(word)).or_else(|| unknown_verb(&words));
    let mut rest = if first.is_some() { &words[1..] } else { &words[..] };
    // Two words that are one verb.
    if let (Some(verb), [particle, others @ ..]) = (&mut first, rest)
        && let Some(whole) = phrasal(verb, particle)
    {
        (*verb, rest) = (whole.to_owned(), others);
    }
    let mut said = Vec::with_capacity(rest.len());
    for word in rest {
        let others = format!("noun {word}");
        let word = if BOOK.has(&others) && draws.chance(0.35) { BOOK.any(&others, draws) } else { word };
        if !word.is_empty() {
            said.push(word);
        }
    }
    (first, said.join(" "))
}

/// A verb that has this particle behind it, or one that stands for both.
fn phrasal(verb: &str, particle: &str) -> Option<&'static str> {
    match (verb, particle) {
        ("look", "up") => Some("look up"),
        ("search" | "look", "for") => Some("find"),
        _ => None,
    }
}

/// The verb of "communicates with the ...", which no list has.
fn unknown_verb(words: &[String]) -> Option<String> {
    const BEHIND: [&str; 8] = ["a", "an", "the", "all", "with", "whether", "if", "your"];
    const NOT_VERBS: [&str; 10] =
        ["the", "a", "an", "all", "of", "for", "in", "about", "data", "information"];
    let [first, second, ..] = words else { return None };
    let third_person = first.ends_with('s') && !first.ends_with("ss");
    if NOT_VERBS.contains(&first.as_str()) || !BEHIND.contains(&second.as_str()) {
        return None;
    }
    match third_person {
        true => Some(first.trim_end_matches('s').to_owned()),
        // "reset the ...", but not "weather with ...".
        false => BEHIND[..3].contains(&second.as_str()).then(|| first.clone()),
    }
}

/// The first sentence of the description, without what only readers of schemas need.
fn described(signature: &Signature, draws: &mut Draws) -> Vec<String> {
    let description = signature.tool.description.trim();
    let end = description.find(['\n', ';']).into_iter().chain(description.find(". ")).min();
    let mut sentence =
        description[..end.unwrap_or(description.len())].trim_end_matches(['.', ' ']).to_owned();
    for (share, pattern, with) in LEFT_OUT.iter() {
        if draws.chance(*share) {
            sentence = pattern.replace_all(&sentence, *with).into_owned();
        }
    }
    let words = sentence.split_whitespace().take(MAX_WORDS).map(str::to_owned);
    let mut words: Vec<String> = words.collect();
    // A first word such as `DNA` keeps its capitals.
    if let Some(first) = words.first_mut().filter(|word| word.chars().skip(1).all(|c| !c.is_uppercase())) {
        *first = first.to_lowercase();
    }
    words
}

/// The words of a description that is no more than the name, or of the name, the verb first where it stands
/// last: `alarm_set` is to set an alarm.
fn bare_words(signature: &Signature) -> Vec<String> {
    let mut words = words_of(&signature.tool.description);
    if words.len() < 2 {
        words = words_of(&signature.tool.name);
    }
    let verb = |word: &String| is_imperative(&imperative(word));
    if words.first().is_some_and(|first| !verb(first)) && words.last().is_some_and(verb) {
        words.rotate_right(1);
    }
    words
}

fn with_article(rest: &str, draws: &mut Draws) -> String {
    let article = BOOK.any("article", draws);
    if article.is_empty() || rest.is_empty() || article == "a" && rest.ends_with('s') {
        return rest.to_owned();
    }
    let article = if article == "a" && rest.starts_with(['a', 'e', 'i', 'o']) { "an" } else { article };
    format!("{article} {rest}")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::set::Tool;

    fn signature(name: &str, description: &str) -> Signature {
        let parameters = RawValue::from_string("{}".to_owned()).expect("JSON");
        Signature::read(Tool { name: name.into(), description: description.into(), parameters }, 0)
            .expect("a tool")
    }

    #[test]
    fn verbs_are_found_where_they_stand() {
        assert_eq!(LEFT_OUT.len(), 6);
        for (name, description, verb, begins) in [
            ("f", "Retrieves the weather of a city.", Some("retrieve"), "the"),
            ("f", "Look up the time of a train", Some("look up"), "the"),
            ("f", "Search for hotels", Some("find"), "hotels"),
            ("f", "Communicates with the server", Some("communicate"), "with"),
            ("f", "Reset the settings", Some("reset"), "the"),
            ("f", "The latest news", None, "the"),
            ("alarm_set", "alarm set", Some("set"), "alarm"),
            ("PlayMusic", "Play music", Some("play"), "music"),
            ("getUserInfo", "", Some("get"), "user"),
        ] {
            let signature = signature(name, description);
            for draw in 0..10 {
                let (found, rest) = verb_and_rest(&signature, &mut Draws::of(draw, &[]));
                assert_eq!(found.as_deref(), verb, "{name}: {description}");
                assert!(rest.starts_with(begins), "{description}: {rest}");
            }
        }
    }

    #[test]
    fn what_nobody_could_say_is_not_asked_for() {
        assert!(can_be_asked_for(&signature("alarm_set", "alarm set")));
        assert!(can_be_asked_for(&signature("weather", "Weather of a city")));
        assert!(!can_be_asked_for(&signature("iot_hue_lightoff", "iot hue lightoff")));
    }
}
