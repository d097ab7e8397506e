//! What choosing is worth, as Markdown.

use super::BestOfN;
use crate::comparison::{Interval, table};

impl BestOfN {
    /// The table: percent of prompts, with 95% intervals.
    pub fn markdown(&self) -> String {
        let head = ["N", "best of N", "majority", "any of N", "best over majority"];
        let nothing = || "-".to_owned();
        let first = vec!["one sample".to_owned(), percent(&self.single), nothing(), nothing(), nothing()];
        let rows = self.sizes.iter().map(|size| {
            let gain = &size.over_majority;
            let gain =
                format!("{:+.1} ({:+.1} to {:+.1})", 100.0 * gain.mean, 100.0 * gain.low, 100.0 * gain.high);
            let shares = [&size.best, &size.majority, &size.oracle].map(percent);
            [size.size.to_string()].into_iter().chain(shares).chain([gain]).collect()
        });
        format!(
            "Right answers in percent of {} prompts, 95% intervals by the bootstrap over prompts. {:.1}% of \
             the samples are no answer, {:.1}% have no reward.\n\n{}",
            self.prompts,
            100.0 * self.no_answer,
            100.0 * self.no_reward,
            table(head, [first].into_iter().chain(rows))
        )
    }
}

fn percent(share: &Interval) -> String {
    format!("{:.1} ({:.1} to {:.1})", 100.0 * share.mean, 100.0 * share.low, 100.0 * share.high)
}
