//! The last validations as a table in Markdown.

use super::{Compared, Comparison};
use crate::figures::{ACCURACY, AREA, BALANCED, LOSS, TRAJECTORIES};

/// The normal distribution's quantile of a two-sided 95% interval.
const Z: f64 = 1.959_963_985;
const HEAD: &str = "\
| model | steps | step accuracy | trajectory accuracy | balanced | AUC | loss |
| --- | --- | --- | --- | --- | --- | --- |
";
const NOTE: &str = "
Accuracies in percent on the validation set, with 95% intervals (Wilson, 1927), and what they are of. A step is a
marker at which the model has a reward; a trajectory is accepted where the reward at `<TOTAL_FINISH>` is above 0.5.
Balanced is the mean of the shares of right trajectories that are accepted and of wrong ones that are rejected; AUC
is how often a right one has the higher reward. Losses are means over each model's own steps and not comparable.
";

impl Comparison {
    /// The table, like the paper's Table 2.
    pub fn markdown(&self) -> String {
        let rows: String = self.kinds.iter().map(row).collect();
        format!("{HEAD}{rows}{NOTE}")
    }
}

fn row(compared: &Compared) -> String {
    let name = compared.name();
    let Some(last) = compared.validations.last() else {
        return format!("| {name} | not trained yet | | | | | |\n");
    };
    let share =
        |name: &str| last.figures.get(name).map_or_else(dash, |(mean, count)| accuracy(*mean, *count));
    let number = |name: &str, scale: f64, digits: usize| {
        last.get(name).map_or_else(dash, |value| format!("{:.digits$}", scale * value))
    };
    let steps = if compared.has_steps() { share(ACCURACY) } else { dash() };
    format!(
        "| {name} | {} | {steps} | {} | {} | {} | {} |\n",
        last.step,
        share(TRAJECTORIES),
        number(BALANCED, 100.0, 2),
        number(AREA, 1.0, 4),
        number(LOSS, 1.0, 4)
    )
}

fn dash() -> String {
    "–".to_owned()
}

fn accuracy(share: f64, count: f64) -> String {
    let (low, high) = interval(share, count);
    format!("{:.2} [{:.2}, {:.2}] of {count}", 100.0 * share, 100.0 * low, 100.0 * high)
}

/// The 95% interval of a share of so many (Wilson, 1927).
pub(super) fn interval(share: f64, count: f64) -> (f64, f64) {
    let count = count.max(1.0);
    let centre = (share + Z * Z / (2.0 * count)) / (1.0 + Z * Z / count);
    let spread = (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    let half = Z / (1.0 + Z * Z / count) * spread;
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::comparison;
    use super::*;

    #[test]
    fn the_table_has_the_last_validation_of_each_kind() {
        let mut comparison = comparison();
        comparison.kinds[1].validations.clear();
        let found = comparison.markdown();
        let rows: Vec<&str> = found.lines().skip(2).take(3).collect();
        let expected = [
            "| ORM | 20 | – | 70.00 [60.42, 78.11] of 100 | 75.00 | 0.9000 | 0.2500 |",
            "| C-PRM | not trained yet | | | | | |",
            "| ToolPRM | 20 | 90.00 [86.67, 92.57] of 400 | 80.00 [71.12, 86.66] of 100 | 75.00 | 0.9000 | 0.2500 |",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn intervals_are_wilsons() {
        let (low, high) = interval(0.8, 100.0);
        assert!((low - 0.7112).abs() < 1e-4 && (high - 0.8666).abs() < 1e-4, "{low} {high}");
        assert_eq!(interval(0.0, 10.0).0, 0.0);
    }
}
