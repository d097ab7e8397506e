//! `toolbeam eval pairs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use toolbeam_eval::{Disguise, GivenAnswer, Record, read_run, reward_pairs, write_pairs};

use super::run::records_of;
use super::stored::{rollout_settings, sampled_prompts};
use crate::exit::{Ended, WrongFile};

/// Arguments of `toolbeam eval pairs`.
#[derive(clap::Args)]
pub(crate) struct PairsArgs {
    /// Folders of runs over one set with named calls (all but bfcl), of whichever policies and temperatures.
    #[arg(value_name = "RUN", required_unless_present = "rollouts", requires = "data")]
    runs: Vec<PathBuf>,
    /// The data of the runs' set, as for `eval run`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A folder that `dataset rollout` made: its prompts with the wrong ones of their samples. May be given
    /// several times, for several policies and temperatures.
    #[arg(long, value_name = "DIR")]
    rollouts: Vec<PathBuf>,
    /// Put the keys of the tools' schemas in another order.
    #[arg(long)]
    shuffle_keys: bool,
    /// Give functions and parameters random names, in tools, conversation and both answers alike.
    #[arg(long)]
    mask: bool,
    /// What names and orders are drawn by.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Makes pairs of right calls and wrong ones.
pub(crate) fn pairs(args: &PairsArgs) -> Result<Ended> {
    let mut found = Found::default();
    if let Some(data) = &args.data {
        found.add_runs(&args.runs, data)?;
    }
    for folder in &args.rollouts {
        found.add_rollouts(folder)?;
    }
    let disguise = Disguise { shuffle_keys: args.shuffle_keys, mask: args.mask, seed: args.seed };
    let pairs = reward_pairs(&found.records, &found.given)?;
    let pairs: Vec<_> = pairs.into_iter().map(|pair| disguise.apply(pair)).collect();
    write_pairs(&args.out, &pairs)?;
    let prompts = pairs.chunk_by(|a, b| a.test_id == b.test_id).count();
    println!("{} pairs of {prompts} prompts in {}", pairs.len(), args.out.display());
    Ok(Ended::Done)
}

/// Prompts, each once, and the answers to them.
#[derive(Default)]
struct Found {
    records: Vec<Record>,
    places: HashMap<String, usize>,
    given: Vec<GivenAnswer>,
}

impl Found {
    fn add_runs(&mut self, folders: &[PathBuf], data: &Path) -> Result<()> {
        let runs = folders.iter().map(|run| read_run(run)).collect::<Result<Vec<_>, _>>()?;
        let Some((first, _)) = runs.first() else { return Ok(()) };
        let is_same = |run: &toolbeam_eval::RunSettings| {
            run.suite == first.suite && run.records_digest == first.records_digest && run.noise == first.noise
        };
        let same = runs.iter().all(|(run, _)| is_same(run));
        ensure!(same, WrongFile("the runs are of different records; give runs of one set".to_owned()));
        for record in records_of(first, data)? {
            self.add(record)?;
        }
        self.given.extend(runs.iter().flat_map(|(run, outcomes)| GivenAnswer::of_run(run, outcomes)));
        Ok(())
    }

    fn add_rollouts(&mut self, folder: &Path) -> Result<()> {
        let model = rollout_settings(folder)?.policy.name;
        for prompt in sampled_prompts(folder, None)? {
            let id = prompt.record.id.clone();
            self.add(prompt.record)?;
            let calls = prompt.answers.into_iter().filter_map(|answer| answer.calls);
            self.given.extend(calls.map(|calls| GivenAnswer { id: id.clone(), model: model.clone(), calls }));
        }
        Ok(())
    }

    /// Adds a prompt, unless it is there. Two that have one id have to be one.
    fn add(&mut self, record: Record) -> Result<()> {
        let Some(place) = self.places.get(&record.id) else {
            self.places.insert(record.id.clone(), self.records.len());
            self.records.push(record);
            return Ok(());
        };
        let known = &self.records[*place];
        let same = known.prompt() == record.prompt() && known.gold.label() == record.gold.label();
        ensure!(same, WrongFile(format!("{}: two prompts have this id; give one set", record.id)));
        Ok(())
    }
}
