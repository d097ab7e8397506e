//! Names where they stand in descriptions.

/// A text with names replaced: whole ones only, and only those that are no words, such as `start_date` and
/// `startDate`. Of two that begin alike the longer one is meant.
pub(super) fn replaced(text: &str, names: &[(String, String)]) -> String {
    let mut found: Vec<&(String, String)> =
        names.iter().filter(|(old, _)| is_identifier(old) && text.contains(old.as_str())).collect();
    found.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        match found.iter().find(|(old, _)| stands_at(text, at, old)) {
            Some((old, new)) => {
                written.push_str(new);
                at += old.len();
            }
            None => {
                written.push(letter);
                at += letter.len_utf8();
            }
        }
    }
    written
}

/// Whether a name is none of a language's words: it has an underscore, a digit, a sign, or a capital within.
fn is_identifier(name: &str) -> bool {
    let signs = name.contains(|letter: char| !letter.is_alphabetic());
    signs || name.chars().skip(1).any(char::is_uppercase)
}

/// Whether a name stands at a place of a text, and not as a part of a longer one.
fn stands_at(text: &str, at: usize, name: &str) -> bool {
    let goes_on = |letter: char| letter.is_alphanumeric() || letter == '_';
    text[at..].strip_prefix(name).is_some_and(|behind| {
        !text[..at].chars().next_back().is_some_and(goes_on) && !behind.chars().next().is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_that_are_no_words_are_replaced() {
        let names = [("from_date", "A"), ("from_date_utc", "B"), ("city", "C"), ("endDate", "D")];
        let names = names.map(|(old, new)| (old.to_owned(), new.to_owned()));
        let check = |text: &str, expected: &str| assert_eq!(replaced(text, &names), expected);
        check("from_date_utc, or from_date; not from_date_local", "B, or A; not from_date_local");
        check("the city before `endDate`", "the city before `D`");
        check("éfrom_date", "éfrom_date");
        check("", "");
    }
}
