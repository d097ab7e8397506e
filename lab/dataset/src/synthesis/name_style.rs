//! How the words of a name stand together.

use super::phrasebook::capitalised;
use crate::draws::Draws;

/// Where one word of a name ends.
#[derive(Clone, Copy)]
pub(super) enum NameStyle {
    /// `alarm_set`
    Snake,
    /// `alarmSet`
    Camel,
    /// `AlarmSet`
    Pascal,
    /// `alarm.set`
    Dotted,
    /// `alarmset`
    Glued,
}

impl NameStyle {
    /// One of them, more often a common one.
    pub(super) fn draw(draws: &mut Draws) -> NameStyle {
        const ALL: [NameStyle; 5] =
            [NameStyle::Snake, NameStyle::Camel, NameStyle::Pascal, NameStyle::Dotted, NameStyle::Glued];
        ALL[draws.weighted(&[0.5, 0.2, 0.15, 0.08, 0.07])]
    }

    /// A name of words in lower case.
    pub(super) fn joined(self, words: &[String]) -> String {
        let pascal = || words.iter().map(|word| capitalised(word)).collect::<String>();
        match self {
            NameStyle::Snake => words.join("_"),
            NameStyle::Dotted => words.join("."),
            NameStyle::Glued => words.concat(),
            NameStyle::Pascal => pascal(),
            NameStyle::Camel => {
                let whole = pascal();
                let first = words.first().map_or(0, String::len);
                format!("{}{}", whole[..first].to_lowercase(), &whole[first..])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthesis::kinds::words_of;

    #[test]
    fn words_stand_together_in_every_style() {
        let words = ["alarm", "set", "time"].map(str::to_owned);
        for (style, name) in [
            (NameStyle::Snake, "alarm_set_time"),
            (NameStyle::Camel, "alarmSetTime"),
            (NameStyle::Pascal, "AlarmSetTime"),
            (NameStyle::Dotted, "alarm.set.time"),
        ] {
            assert_eq!(style.joined(&words), name);
            assert_eq!(words_of(name), words, "{name}");
        }
        assert_eq!(NameStyle::Glued.joined(&words), "alarmsettime");
        assert_eq!(NameStyle::Camel.joined(&[]), "");
    }
}
