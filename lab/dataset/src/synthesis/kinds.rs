//! Which kind of value a parameter takes, by its name and description.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::phrasebook::BOOK;

/// The kind where nothing else is known.
pub(super) const ANY_KIND: &str = "phrase";

const TABLE: &str = include_str!("data/kinds.txt");

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rows().filter_map(|row| rule(&row)).collect());

static LISTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let lead = r"(?:e\.?g\.?,?|such as|one of:?|options:?|options include|like|allowed values:?|possible values(?: are)?:?|either|include:?)";
    Regex::new(&format!(r"(?i)\b{lead}\s+([^().]+)")).ok()
});

struct Rule {
    kind: &'static str,
    types: Vec<&'static str>,
    name: Option<Regex>,
    text: Option<Regex>,
}

/// The rows of the table, each in four.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(" :: ").collect())
}

fn rule(row: &[&'static str]) -> Option<Rule> {
    let &[kind, types, name, text] = row else { return None };
    let pattern = |text: &str| RegexBuilder::new(text).case_insensitive(true).build().ok();
    let (name, text) = if (name, text) == ("-", "-") { (".*", "-") } else { (name, text) };
    let written = |text: &'static str| Some(text).filter(|text| *text != "-").and_then(pattern);
    Some(Rule { kind, types: types.split(' ').collect(), name: written(name), text: written(text) })
}

/// The kind of a parameter's values; `type_name` is `text`, `integer` or `number`.
pub(super) fn kind_of(name: &str, description: &str, type_name: &str) -> &'static str {
    let name = words_of(name).join("_");
    let text = format!("{} {}", name.replace('_', " "), description);
    let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_some_and(|p| p.is_match(text));
    let mut rules = RULES.iter().filter(|rule| rule.types.contains(&type_name));
    let found = rules.find(|rule| fits(&rule.name, &name) || fits(&rule.text, &text));
    found.map_or(ANY_KIND, |rule| rule.kind)
}

/// Values that a description gives as examples or lists as possible.
pub(super) fn examples(description: &str) -> Vec<String> {
    let Some(found) = LISTED.as_ref().and_then(|pattern| pattern.captures(description)) else {
        return Vec::new();
    };
    let listed = found[1].replace(" or ", ", ").replace(" and ", ", ");
    let parts = listed.split([',', ';']).map(|part| part.trim_matches(|c: char| " '\"`".contains(c)));
    let plain = |part: &&str| {
        let named = BOOK.lists("no example", &part.to_lowercase());
        !part.is_empty() && part.len() < 32 && !part.starts_with("etc") && !named
    };
    parts.filter(plain).filter(|part| part.split(' ').count() < 5).map(str::to_owned).collect()
}

/// The words of a name, in lower case: of `getUserInfo`, `get_user_info` and `user.get-info`.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let begins = letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_rule() {
        assert_eq!(RULES.len(), rows().count());
        for (row, rule) in rows().zip(RULES.iter()) {
            assert!(rule.name.is_some() || rule.text.is_some(), "{row:?}");
        }
        assert!(LISTED.is_some());
    }

    #[test]
    fn names_and_descriptions_tell_kinds() {
        for (name, description, type_name, kind) in [
            ("departureCity", "", "text", "city"),
            ("user_id", "", "text", "id"),
            ("start", "First day (YYYY-MM-DD)", "text", "dateiso"),
            ("date", "date", "text", "datetxt"),
            ("timeofday", "timeofday", "text", "daytime"),
            ("time", "time", "text", "clock"),
            ("email", "", "text", "email"),
            ("interest_rate", "", "number", "rate"),
            ("year", "", "integer", "year"),
            ("whatever", "", "text", "phrase"),
        ] {
            assert_eq!(kind_of(name, description, type_name), kind, "{name}");
        }
    }

    #[test]
    fn descriptions_give_examples() {
        assert_eq!(examples("The style (e.g., modern, old school)"), ["modern", "old school"]);
        assert_eq!(examples("Either 'fast' or 'slow'"), ["fast", "slow"]);
        assert_eq!(examples("The place (e.g., city, country, Rome)"), ["Rome"]);
        assert_eq!(examples("The name of the user"), [""; 0]);
        assert_eq!(words_of("getUserInfo_v2.x"), ["get", "user", "info", "v2", "x"]);
    }
}
