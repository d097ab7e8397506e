//! A set of rows in memory.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tch::{Device, Kind};
use toolbeam_dataset::{LabelledPrompt, PartReader};
use toolbeam_lm::ModelFiles;
use toolbeam_reward::RewardTokens;

use crate::TrainError;
use crate::batch::{Batch, PromptDraw};
use crate::folder::Interface;
use crate::records::{Rows, of_example, of_labelled};
use crate::sequence::{Segment, Sequence};
use crate::settings::{Settings, Task};
use crate::sharing::share_prompts;

/// Records that are made rows at a time.
const BLOCK: usize = 2048;

/// Rows, in the order of their records.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The rows.
    pub rows: Vec<Sequence>,
    /// What became of the records.
    pub counts: Counts,
}

/// Which records of a folder are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    All,
    /// The first, the third, and so on.
    Even,
    /// The second, the fourth, and so on.
    Odd,
}

impl Chosen {
    fn holds(self, number: usize) -> bool {
        match self {
            Chosen::All => true,
            Chosen::Even => number.is_multiple_of(2),
            Chosen::Odd => !number.is_multiple_of(2),
        }
    }
}

/// What became of a folder's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were read.
    pub records: usize,
    /// Answers that are left out because they do not fit with their prompt.
    pub too_long: usize,
    /// Records of which nothing is left.
    pub empty: usize,
    /// Tokens in all rows.
    pub tokens: usize,
    /// Tokens that are in no row because the prompt before has them too.
    pub saved: usize,
}

impl Corpus {
    /// Reads a folder of parts: [`Example`](toolbeam_dataset::Example)s for answers, and
    /// [`LabelledPrompt`](toolbeam_dataset::LabelledPrompt)s for labels and preferences. `model` is the folder that
    /// is trained, as a run has it.
    ///
    /// # Errors
    /// A part cannot be read, a record cannot be used, or nothing is left.
    pub fn read(folder: &Path, model: &Path, settings: &Settings) -> Result<Corpus, TrainError> {
        let files = ModelFiles::Folder(model.to_owned());
        let interface = Interface::read(&files)?;
        let tokens = || RewardTokens::find(&files, &interface.config, &interface.tokenizer);
        let longest = settings.longest;
        match settings.task {
            Task::Answers { .. } => {
                let all =
                    Corpus::gather(folder, Chosen::All, |example| of_example(example, &interface, longest));
                Ok(all?.sharing(longest))
            }
            Task::Labels { .. } => {
                let tokens = tokens()?;
                Corpus::gather(folder, Chosen::All, |prompt| {
                    of_labelled(prompt, (&interface, &tokens), longest)
                })
            }
            Task::Preferences { .. } => {
                let tokens = tokens()?;
                let rows = |prompt: &LabelledPrompt| {
                    Ok(of_labelled(prompt, (&interface, &tokens), longest)?.in_pairs())
                };
                Corpus::gather(folder, Chosen::All, rows)
            }
        }
    }

    /// Makes rows of a folder's records, on all cores.
    ///
    /// # Errors
    /// A part cannot be read, a record cannot be used, or nothing is left.
    pub(crate) fn gather<T: DeserializeOwned + Sync>(
        folder: &Path,
        chosen: Chosen,
        rows: impl Fn(&T) -> Result<Rows, TrainError> + Sync,
    ) -> Result<Corpus, TrainError> {
        let mut corpus = Corpus::default();
        let records = PartReader::<T>::open(folder)?.enumerate();
        let mut records = records
            .filter(|(number, record)| record.is_err() || chosen.holds(*number))
            .map(|(_, record)| record);
        loop {
            let block = records.by_ref().take(BLOCK).collect::<Result<Vec<T>, _>>()?;
            if block.is_empty() {
                return corpus.that_has_rows(folder);
            }
            for found in in_parallel(&block, &rows) {
                let found = found?;
                corpus.counts.records += 1;
                corpus.counts.too_long += found.too_long;
                corpus.counts.empty += usize::from(found.rows.is_empty());
                corpus.counts.tokens += found.rows.iter().map(|row| row.tokens.len()).sum::<usize>();
                corpus.rows.extend(found.rows);
            }
        }
    }

    fn that_has_rows(self, folder: &Path) -> Result<Corpus, TrainError> {
        if !self.rows.is_empty() {
            return Ok(self);
        }
        let Counts { records, too_long, empty, .. } = self.counts;
        let message =
            format!("of {records} records {empty} give no row, and {too_long} answers are beyond --longest");
        Err(TrainError::NoRecord { path: PathBuf::from(folder), message })
    }

    /// The same records, of which those that stand one behind the other share the beginning of their prompts.
    fn sharing(mut self, longest: usize) -> Corpus {
        self.rows = share_prompts(self.rows, longest);
        let tokens = self.rows.iter().map(|row| row.tokens.len()).sum();
        self.counts.saved = self.counts.tokens - tokens;
        self.counts.tokens = tokens;
        self
    }

    /// A hash of everything that is learned from.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for row in &self.rows {
            let mut bytes = Vec::with_capacity(4 * row.tokens.len());
            row.tokens.iter().for_each(|token| bytes.extend(token.to_le_bytes()));
            for target in &row.targets {
                [target.at, target.class].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
            }
            for Segment { answer, end } in &row.segments {
                [answer, end].iter().for_each(|place| bytes.extend((**place as u64).to_le_bytes()));
            }
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// Rows by their numbers, side by side.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub(crate) fn batch(
        &self,
        rows: &[usize],
        draw: Option<&PromptDraw>,
        options: (Kind, Device),
    ) -> Result<Batch, TrainError> {
        let rows: Vec<_> = rows.iter().map(|row| (*row, &self.rows[*row])).collect();
        Batch::of(&rows, draw, options)
    }

    /// The length of every row.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.tokens.len()).collect()
    }
}

/// What `f` makes of every item, in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], f: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chunk = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            items.chunks(chunk).map(|items| scope.spawn(move || items.iter().map(f).collect())).collect();
        let joined = workers.into_iter().map(|worker| -> Vec<R> {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.flatten().collect()
    })
}
