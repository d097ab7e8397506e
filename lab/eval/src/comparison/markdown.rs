//! A comparison as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Comparison, Run};
use crate::runs::Category;

impl Comparison {
    /// The tables.
    pub fn markdown(&self) -> String {
        let Some(first) = self.runs.first() else { return String::new() };
        let mut text = format!("# {}: {} records\n\n", first.settings.suite, first.settings.records);
        // A String takes everything.
        let _ = writeln!(
            text,
            "Policy {}; reward model {}.\n",
            models(&self.runs, true),
            models(&self.runs, false)
        );
        text += &self.accuracies();
        text += &self.costs();
        text += &self.faults();
        text
    }

    /// Accuracy in percent, by category.
    fn accuracies(&self) -> String {
        let categories: BTreeSet<&String> =
            self.runs.iter().flat_map(|run| run.tally.categories.keys()).collect();
        let names = categories.iter().map(|name| name.as_str());
        let head = ["run", "records"].into_iter().chain(names).chain(["all", "95%", "over the first (95%)"]);
        let rows = self.runs.iter().enumerate().map(|(index, run)| {
            let percent = |category: &Category| format!("{:.1}", 100.0 * category.accuracy());
            let parts =
                categories.iter().map(|name| run.tally.categories.get(*name).map_or("-".into(), percent));
            let (low, high) = run.interval();
            let mut row = vec![run.label(), run.tally.all.total.to_string()];
            row.extend(parts);
            row.push(percent(&run.tally.all));
            row.push(format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high));
            row.push(if index == 0 { "-".to_owned() } else { self.over_first(run) });
            row
        });
        format!(
            "Accuracy in percent. Intervals are Wilson's, of several seeds by the bootstrap over records; \
             differences are paired, by the bootstrap over records.\n\n{}\n",
            table(head, rows)
        )
    }

    fn over_first(&self, run: &Run) -> String {
        let found = run.difference(&self.runs[0]);
        format!("{:+.1} ({:+.1} to {:+.1})", 100.0 * found.mean, 100.0 * found.low, 100.0 * found.high)
    }

    /// What a record costs on average.
    fn costs(&self) -> String {
        let head = ["run", "prompt tokens", "policy tokens", "reward tokens", "milliseconds"];
        let rows = self.runs.iter().map(|run| {
            let all = &run.tally.all;
            let sums = [
                all.prompt_tokens as f64,
                all.policy_tokens as f64,
                all.reward_tokens as f64,
                all.milliseconds,
            ];
            [run.label()].into_iter().chain(sums.map(|sum| format!("{:.0}", all.mean(sum)))).collect()
        });
        format!(
            "Means per record. Milliseconds include waiting for other searches.\n\n{}\n",
            table(head, rows)
        )
    }

    /// Why answers are not right.
    fn faults(&self) -> String {
        let faults: BTreeSet<&String> = self.runs.iter().flat_map(|run| run.tally.faults.keys()).collect();
        let head = ["run"].into_iter().chain(faults.iter().map(|fault| fault.as_str()));
        let rows = self.runs.iter().map(|run| {
            let counts = faults.iter().map(|fault| run.tally.faults.get(*fault).unwrap_or(&0).to_string());
            [run.label()].into_iter().chain(counts).collect()
        });
        format!("Answers that are not right, by fault; `failed` had no reply.\n\n{}", table(head, rows))
    }
}

/// The models of all runs, each once.
fn models(runs: &[Run], policy: bool) -> String {
    let names = runs.iter().map(|run| {
        let model = if policy { &run.settings.policy } else { &run.settings.scorer };
        format!("{} ({}, {})", model.name, &model.fingerprint[..model.fingerprint.len().min(12)], model.dtype)
    });
    names.collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(", ")
}

pub(crate) fn table<'a>(
    head: impl IntoIterator<Item = &'a str>,
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let head: Vec<&str> = head.into_iter().collect();
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<&str> = head.iter().enumerate().map(|(i, _)| if i == 0 { "---" } else { "---:" }).collect();
    let rows = rows.map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    [line(&head), line(&rule)].into_iter().chain(rows).collect()
}
