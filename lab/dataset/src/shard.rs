//! Which of a set's parts a process makes.

use std::str::FromStr;

/// A share of a set's parts, `index` of `count`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which share.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

impl Shard {
    /// All of them.
    pub const WHOLE: Shard = Shard { index: 1, count: 1 };

    /// Whether the part of this number is of this share.
    pub fn holds(self, number: usize) -> bool {
        number % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = &'static str;

    /// Reads a share, as in `1/4`.
    fn from_str(text: &str) -> Result<Shard, &'static str> {
        let part =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match part {
            Some((index, count)) if 1 <= index && index <= count => Ok(Shard { index, count }),
            _ => Err("write a share and how many there are, such as 1/4"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_and_share_nothing() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].iter().filter_map(|text| text.parse().ok()).collect();
        for number in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(number)).count(), 1);
        }
        for text in ["0/3", "4/3", "1", "1/0", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
