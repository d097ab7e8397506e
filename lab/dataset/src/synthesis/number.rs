//! Numbers, and how they are said.

use serde_json::{Number, Value};

use super::style::Style;
use super::value::Filled;
use crate::draws::Draws;

/// Which numbers a parameter takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether there are no digits behind the point.
    pub(super) whole: bool,
}

impl Range {
    pub(super) const WHOLE: Range = Range { low: f64::MIN, high: f64::MAX, whole: true };
    pub(super) const ANY: Range = Range { low: f64::MIN, high: f64::MAX, whole: false };
}

/// A number of a kind, within the range if the range is known and narrow.
pub(super) fn number(kind: &str, range: Range, style: Style, draws: &mut Draws) -> Filled {
    let (number, around) = of_kind(kind, draws);
    let number = fitted(number, range, draws);
    let value = json_of(number, range.whole, draws);
    if kind == "rate" && draws.chance(0.4) {
        return Filled { text: format!("{}%", shortest(number * 100.0)), value };
    }
    let whole = number.fract() == 0.0;
    let in_words = match style.is_spoken() {
        true => draws.chance(0.7),
        false => (1.0..=12.0).contains(&number) && draws.chance(0.1),
    };
    if let Some(said) = words(number as i64).filter(|_| whole && in_words) {
        let around = around.replace("${v}", "{v} dollars").replace('%', " percent");
        return Filled { value, text: around.replace("{v}", &said) };
    }
    let text = match whole && number >= 1000.0 && kind != "year" && draws.chance(0.2) {
        true => grouped(number as i64),
        false => value.to_string(),
    };
    Filled { value, text: around.replace("{v}", &text) }
}

/// A number, and what is said around it.
fn of_kind(kind: &str, draws: &mut Draws) -> (f64, &'static str) {
    let decimals = |draws: &mut Draws, low: i64, high: i64, digits: &[i32]| {
        let unit = 10f64.powi(draws.pick(digits).copied().unwrap_or_default());
        draws.between(low * unit as i64, high * unit as i64) as f64 / unit
    };
    let whole = |draws: &mut Draws, low, high| draws.between(low, high) as f64;
    match kind {
        "year" if draws.chance(0.3) => (whole(draws, 1900, 2030), "{v}"),
        "year" => (whole(draws, 2005, 2026), "{v}"),
        "smallint" if draws.chance(0.5) => (whole(draws, 1, 12), "{v}"),
        "smallint" => (whole(draws, 2, 50), "{v}"),
        "age" => (whole(draws, 1, 95), "{v}"),
        "intid" if draws.chance(0.4) => (whole(draws, 1, 200), "{v}"),
        "intid" => (whole(draws, 1, 99999), "{v}"),
        "rate" if draws.chance(0.5) => (whole(draws, 1, 20) / 100.0, "{v}"),
        "rate" => (whole(draws, 5, 120) / 1000.0, "{v}"),
        "pct" => (whole(draws, 1, 100), ["{v}%", "{v}", "{v} percent"][draws.below(3)]),
        "lat" => (decimals(draws, -179, 179, &[1, 2, 4]), "{v}"),
        "rating" => ([3.0, 4.0, 5.0, 3.5, 4.5, 2.0, 4.2, 8.0, 7.5][draws.below(9)], "{v}"),
        "money" => {
            let sum = match draws.below(5) {
                0 => whole(draws, 1, 30) * 1000.0,
                1 => whole(draws, 10, 999),
                2 => whole(draws, 1, 99) * 50.0,
                3 => whole(draws, 1000, 99999),
                _ => decimals(draws, 5, 900, &[2]),
            };
            (sum, ["${v}", "${v}", "{v}", "{v} dollars"][draws.below(4)])
        }
        "num" if draws.chance(0.5) => (whole(draws, 1, 500), "{v}"),
        "num" => (decimals(draws, 0, 100, &[1, 1, 2, 3]), "{v}"),
        _ => {
            let (low, high) = [(1, 20), (1, 200), (100, 20000)][draws.weighted(&[0.3, 0.45, 0.25])];
            (whole(draws, low, high), "{v}")
        }
    }
}

fn fitted(number: f64, range: Range, draws: &mut Draws) -> f64 {
    let number = if range.whole { number.trunc() } else { number };
    if (range.low..=range.high).contains(&number) {
        return number;
    }
    let (low, high) = match (range.low > f64::MIN, range.high < f64::MAX) {
        (true, false) => (range.low, range.low + 20.0),
        (false, true) => (range.high - 20.0, range.high),
        _ => (range.low, range.high),
    };
    let share = draws.unit() * (high - low);
    if range.whole { (low + share).round() } else { ((low + share) * 100.0).round() / 100.0 }
}

/// A whole number is written as one, or with a zero behind the point where that may be.
fn json_of(number: f64, whole: bool, draws: &mut Draws) -> Value {
    let as_float = !whole && (number.fract() != 0.0 || draws.chance(0.15));
    match Number::from_f64(number).filter(|_| as_float) {
        Some(float) => Value::Number(float),
        None => Value::from(number as i64),
    }
}

fn shortest(number: f64) -> String {
    let rounded = (number * 1e6).round() / 1e6;
    rounded.to_string()
}

fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let place = |index: usize| index > 0 && (digits.len() - index).is_multiple_of(3);
    let letters = digits.chars().enumerate();
    letters.flat_map(|(index, digit)| place(index).then_some(',').into_iter().chain([digit])).collect()
}

/// A number below a million in words, as it is spoken; larger ones have none.
pub(super) fn words(number: i64) -> Option<String> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let rest_of =
        |rest: i64| if rest == 0 { Some(String::new()) } else { Some(format!(" {}", words(rest)?)) };
    match number {
        0..20 => Some(SMALL[number as usize].to_owned()),
        20..100 => Some(format!("{}{}", TENS[(number / 10) as usize], rest_of(number % 10)?)),
        100..1000 => Some(format!("{} hundred{}", SMALL[(number / 100) as usize], rest_of(number % 100)?)),
        1000..1_000_000 => Some(format!("{} thousand{}", words(number / 1000)?, rest_of(number % 1000)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said() {
        for (number, said) in [
            (0, "zero"),
            (17, "seventeen"),
            (40, "forty"),
            (45, "forty five"),
            (120, "one hundred twenty"),
            (21_005, "twenty one thousand five"),
        ] {
            assert_eq!(words(number).as_deref(), Some(said));
        }
        assert_eq!(words(-1), None);
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut draws = Draws::of(5, &[]);
        let style = Style::draw(&mut draws);
        for kind in ["year", "smallint", "rate", "money", "num", "int", "rating"] {
            for _ in 0..50 {
                let range = Range { low: 2.0, high: 5.0, whole: true };
                let filled = number(kind, range, style, &mut draws);
                let found = filled.value.as_i64().expect("a whole number");
                assert!((2..=5).contains(&found), "{kind}: {found}");
            }
        }
    }
}
