//! Runs of one set beside each other: tables like the paper's Table 3, and accuracy against cost like its
//! Figure 4.

mod bootstrap;
mod markdown;
mod plot;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::EvalError;
use crate::runs::{Outcome, RunSettings, Tally, read_run};

pub use bootstrap::Interval;
pub(crate) use bootstrap::mean;
pub(crate) use markdown::table;
pub(crate) use plot::Cost;

/// Runs of the same records, of which the first is what the others are compared with. Runs that differ in
/// their seeds only, of the search and of the noise, are one: a record's accuracy is then the mean over them,
/// and records are what intervals are sampled from.
#[derive(Debug)]
pub struct Comparison {
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    settings: RunSettings,
    tally: Tally,
    /// The share of each record's answers that is right, by its id.
    right: BTreeMap<String, f64>,
    /// Number of runs that it is made of.
    seeds: usize,
}

impl Comparison {
    /// Reads runs' folders.
    ///
    /// # Errors
    /// A folder is none of a run, or its run is of other records than the first's.
    pub fn read(folders: &[PathBuf]) -> Result<Comparison, EvalError> {
        let mut runs: Vec<Run> = Vec::new();
        for folder in folders {
            let (settings, outcomes) = read_run(folder)?;
            if runs.first().is_some_and(|first| first.settings.records_digest != settings.records_digest) {
                return Err(EvalError::OtherRun { path: folder.clone(), field: "records_digest".into() });
            }
            let alike = runs.iter_mut().find(|run| run.differs_by_seed_only(&settings));
            match alike {
                Some(run) => run.add(&outcomes),
                None => runs.push(Run::of(settings, &outcomes)),
            }
        }
        Ok(Comparison { runs })
    }

    /// Writes `report.md` and `report.html`, which needs no other file. Returns both.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<[PathBuf; 2], EvalError> {
        let text = self.markdown();
        let pages = [("report.md", text.clone()), ("report.html", self.page(&text))];
        let write = |(name, text): (&str, String)| {
            let path = folder.join(name);
            match fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)) {
                Ok(()) => Ok(path),
                Err(source) => Err(EvalError::Write { path, source }),
            }
        };
        let [markdown, html] = pages.map(write);
        Ok([markdown?, html?])
    }

    /// The tables, and plots of accuracy against what it costs.
    fn page(&self, text: &str) -> String {
        let mut tables = String::new();
        let parser = pulldown_cmark::Parser::new_ext(text, pulldown_cmark::Options::ENABLE_TABLES);
        pulldown_cmark::html::push_html(&mut tables, parser);
        let plots = [Cost::Tokens, Cost::Milliseconds].map(|cost| self.plot(cost)).concat();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Toolbeam: {suite}</title>\n\
             <style>body {{ font-family: sans-serif; max-width: 70em; margin: 2em auto }} table {{ border-collapse: \
             collapse }} td, th {{ border: 1px solid #bbb; padding: 0.2em 0.6em }}</style></head>\n\
             <body>\n{tables}{plots}</body></html>\n",
            suite = self.runs.first().map_or("", |run| run.settings.suite.as_str()),
        )
    }
}

impl Run {
    fn of(settings: RunSettings, outcomes: &[Outcome]) -> Run {
        let mut run = Run { settings, tally: Tally::default(), right: BTreeMap::new(), seeds: 0 };
        run.add(outcomes);
        run
    }

    fn differs_by_seed_only(&self, settings: &RunSettings) -> bool {
        let mut other = settings.clone();
        other.search.seed = self.settings.search.seed;
        if let Some((other, mine)) = other.noise.as_mut().zip(self.settings.noise.as_ref()) {
            other.seed = mine.seed;
        }
        other == self.settings
    }

    /// Adds a run with another seed.
    fn add(&mut self, outcomes: &[Outcome]) {
        self.tally.add(outcomes);
        self.seeds += 1;
        let (before, seeds) = (self.seeds as f64 - 1.0, self.seeds as f64);
        for outcome in outcomes {
            let right = self.right.entry(outcome.id.clone()).or_default();
            *right = (*right * before + f64::from(u8::from(outcome.fault.is_none()))) / seeds;
        }
    }

    /// The 95% interval of its accuracy: Wilson's, or of several seeds by the bootstrap over records.
    fn interval(&self) -> (f64, f64) {
        if self.seeds == 1 {
            return self.tally.all.interval();
        }
        let found = mean(&self.right.values().copied().collect::<Vec<_>>());
        (found.low, found.high)
    }

    /// How it searched, and what was done to the records, in a few words.
    fn label(&self) -> String {
        let noise = self.settings.noise.as_ref().map(|noise| format!(", {}", noise.label()));
        let seeds = (self.seeds > 1).then(|| format!(", {} seeds", self.seeds));
        self.strategy() + &noise.unwrap_or_default() + &seeds.unwrap_or_default()
    }

    fn strategy(&self) -> String {
        let search = &self.settings.search;
        let strategy = search.strategy.trim_start_matches("STRATEGY_KIND_").to_lowercase();
        let constraint = search
            .constraint
            .as_ref()
            .map(|name| format!(" constrained by {}", name.trim_start_matches("CONSTRAINT_").to_lowercase()));
        if strategy == "greedy" {
            return strategy + &constraint.unwrap_or_default();
        }
        let number = |name: &str, value: Option<u32>| value.map(|value| format!(" {name}={value}"));
        let sizes = [number("N", search.num_beams), number("M", search.expansions_per_beam)];
        let share = |name: &str, value: Option<f32>| value.map(|value| format!(" {name}={value}"));
        let spending = [
            number("probe", search.probe_expansions),
            share("margin", search.reward_margin),
            share("log-probability", search.log_probability_weight),
            share("top-p", search.top_p),
            number("top-k", search.top_k),
            number("repetition", search.max_repetition_tokens.filter(|most| *most != 64)),
        ];
        let temperature = search.temperature.map(|temperature| format!(" T={temperature}"));
        // What is the default is left out.
        let named = |name: &str, prefix: &str, default: &str| {
            let name = name.trim_start_matches(prefix).to_lowercase();
            (![default, "unspecified"].contains(&name.as_str())).then(|| format!(" {name}"))
        };
        let rewards = [
            named(&search.aggregation, "AGGREGATION_", "min"),
            named(&search.scope, "REWARD_SCOPE_", "expansion"),
        ];
        let parts: Vec<String> = sizes
            .into_iter()
            .chain(spending)
            .chain(rewards)
            .chain([temperature, constraint])
            .flatten()
            .collect();
        format!("{strategy}{}", parts.concat())
    }

    /// Accuracy less another run's, over the records of both; noise may be another.
    fn difference(&self, other: &Run) -> Interval {
        let both = self.right.iter().filter_map(|(id, mine)| Some(*mine - *other.right.get(id)?));
        mean(&both.collect::<Vec<_>>())
    }
}
