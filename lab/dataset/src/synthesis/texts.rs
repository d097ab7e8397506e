//! Values inside a query, each one letter until the query is done, so that what is done to its words (case,
//! punctuation) does not touch them.

/// The first letter that stands for a value; Unicode keeps these for private use.
const FIRST: u32 = 0xE000;

/// The texts of a query's values.
#[derive(Debug, Default)]
pub(super) struct Texts(Vec<String>);

impl Texts {
    /// The letter that stands for a text from now on.
    pub(super) fn hold(&mut self, text: String) -> String {
        let letter = char::from_u32(FIRST + self.0.len() as u32);
        self.0.push(text);
        letter.map(String::from).unwrap_or_default()
    }

    /// The line with its texts in their places.
    pub(super) fn put_back(&self, line: &str) -> String {
        let mut done = String::with_capacity(line.len() * 2);
        for letter in line.chars() {
            match (letter as u32).checked_sub(FIRST).and_then(|index| self.0.get(index as usize)) {
                Some(text) => done.push_str(text),
                None => done.push(letter),
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        let mut texts = Texts::default();
        let line = format!("From {} to {}", texts.hold("Rome, NY".into()), texts.hold("A.B".into()));
        assert_eq!(texts.put_back(&line.to_lowercase()), "from Rome, NY to A.B");
    }
}
