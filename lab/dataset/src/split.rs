//! Training and validation, apart by function and by query.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use md5::{Digest, Md5};
use serde::Serialize;

use crate::error::DatasetError;
use crate::queries::Queries;
use crate::set::{Dataset, Record, Tool};

/// How sets are split.
#[derive(Debug, Clone)]
pub struct SplitSettings {
    /// The most validation prompts of one set that call the same functions.
    pub per_function: usize,
    /// How many validation prompts there have to be.
    pub at_least: usize,
    /// Functions that neither part has: records that call them are left out, and so are their tools.
    pub without: BTreeSet<String>,
    /// Which tenths of the functions, 0 to 9, are held; see [`tenth_of`].
    pub tenths: BTreeSet<u8>,
}

impl SplitSettings {
    fn holds(&self, name: &str) -> bool {
        self.tenths.contains(&tenth_of(name))
    }
}

impl Default for SplitSettings {
    fn default() -> SplitSettings {
        SplitSettings {
            per_function: 80,
            at_least: 1000,
            without: BTreeSet::new(),
            tenths: BTreeSet::from([0]),
        }
    }
}

/// Two parts of sets, and what was found.
#[derive(Debug)]
pub struct Split {
    /// What may be trained on.
    pub train: Vec<Dataset>,
    /// What settings are chosen on.
    pub validation: Vec<Dataset>,
    /// Counts and digests.
    pub summary: Summary,
}

/// What a split is, as it is written beside it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// The training part.
    pub train: Part,
    /// The validation part.
    pub validation: Part,
    /// Records in neither, by reason.
    pub left_out: BTreeMap<&'static str, usize>,
    /// What the parts share, counted in what was made.
    pub shared: Shared,
}

/// A part's counts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Part {
    /// Records.
    pub records: usize,
    /// By set.
    pub sets: BTreeMap<String, usize>,
    /// Records by their number of calls.
    pub calls: BTreeMap<usize, usize>,
    /// Names of tools that records name.
    pub functions: usize,
    /// A hash of records and tools (blake3).
    pub digest: String,
}

/// What must not be shared; all zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// Functions that tools of both parts have.
    pub functions: usize,
    /// Validation records that share a query with training.
    pub queries: usize,
    /// Validation and training records that share a query with an evaluation set.
    pub evaluation_queries: usize,
}

/// Where a record goes.
enum Place {
    Train,
    Validation,
    Nowhere(&'static str),
}

/// Whether validation has the functions of this name to itself: one in ten, by the MD5 of the name, which
/// is the rule of the recipe that goes on training the reference weights.
pub fn is_held(name: &str) -> bool {
    tenth_of(name) == 0
}

/// The tenth of all functions, 0 to 9, that those of this name are in, by the MD5 of the name.
pub fn tenth_of(name: &str) -> u8 {
    let digest: [u8; 16] = Md5::digest(name.as_bytes()).into();
    (u128::from_be_bytes(digest) % 10) as u8
}

/// Splits sets. Validation has the records that call held functions only, and of those that need no call
/// one in ten; their tools are held ones, in the place of others that the record had. Training has the
/// records that call no held function, without held tools. What calls both is in neither part, as is what
/// shares a query with `evaluation`; training has no query of validation. Nothing is drawn by chance.
///
/// # Errors
/// [`DatasetError::TooFew`].
pub fn split(
    sets: &[Dataset],
    evaluation: &Queries,
    settings: &SplitSettings,
) -> Result<Split, DatasetError> {
    let mut left_out = BTreeMap::new();
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for set in sets {
        let mut parts = [Vec::new(), Vec::new()];
        for record in &set.records {
            match place(record, set, evaluation, settings) {
                Place::Train => parts[0].push(record.clone()),
                Place::Validation => parts[1].push(record.clone()),
                Place::Nowhere(reason) => *left_out.entry(reason).or_default() += 1,
            }
        }
        let [first, second] = parts;
        let before = second.len();
        let chosen = at_most(second, settings.per_function);
        *left_out.entry("per_function").or_default() += before - chosen.len();
        train.push(Dataset { records: first, ..set.clone() });
        validation.push(Dataset { records: chosen, ..set.clone() });
    }
    let asked = queries(&validation);
    for set in &mut train {
        let before = set.records.len();
        set.records.retain(|record| !asked.share(record.user_turns()));
        *left_out.entry("validation_query").or_default() += before - set.records.len();
    }
    train.iter_mut().for_each(|set| tools(set, settings, false));
    validation.iter_mut().for_each(|set| tools(set, settings, true));
    for part in [&mut train, &mut validation] {
        for set in part.iter_mut() {
            let before = set.records.len();
            set.records.retain(|record| !record.tool_keys.is_empty());
            *left_out.entry("no_tool").or_default() += before - set.records.len();
        }
        part.retain(|set| !set.records.is_empty());
    }
    left_out.retain(|_, count| *count > 0);
    let shared = shared(&train, &validation, evaluation);
    let summary = Summary { train: part(&train), validation: part(&validation), left_out, shared };
    match summary.validation.records {
        found if found < settings.at_least => Err(DatasetError::TooFew { found, wanted: settings.at_least }),
        _ => Ok(Split { train, validation, summary }),
    }
}

impl Split {
    /// Writes `train/` and `validation/`, in the shape of the sets, and `split.json` with the summary.
    ///
    /// # Errors
    /// The folder has one of these parts already, or a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), DatasetError> {
        let parts = [("train", &self.train), ("validation", &self.validation)];
        let parts = parts.map(|(name, sets)| (folder.join(name), sets));
        // What lies there may be the sources, or sets that this split does not have.
        if let Some((path, _)) = parts.iter().find(|(path, _)| path.exists()) {
            return Err(DatasetError::Exists { path: path.clone() });
        }
        for (path, sets) in parts {
            sets.iter().try_for_each(|set| set.write(&path))?;
        }
        let path = folder.join("split.json");
        let text = serde_json::to_string_pretty(&self.summary).unwrap_or_default() + "\n";
        fs::write(&path, text).map_err(|source| DatasetError::Write { path, source })
    }
}

fn place(record: &Record, set: &Dataset, evaluation: &Queries, settings: &SplitSettings) -> Place {
    let called: BTreeSet<&str> = record.answers.iter().map(|answer| answer.name.as_str()).collect();
    let offered = |name: &str| {
        let mut tools = record.tool_keys.iter().filter_map(|key| set.tools.get(key));
        tools.any(|tool| tool.name == name)
    };
    if called.iter().any(|name| settings.without.contains(*name)) {
        return Place::Nowhere("without");
    }
    if !called.iter().all(|name| offered(name)) {
        return Place::Nowhere("calls_no_tool");
    }
    if evaluation.share(record.user_turns()) {
        return Place::Nowhere("evaluation_query");
    }
    let held = called.iter().filter(|name| settings.holds(name)).count();
    match (called.len(), held) {
        (0, _) if settings.holds(&record.id) => Place::Validation,
        (_, 0) => Place::Train,
        (all, held) if all == held => Place::Validation,
        _ => Place::Nowhere("mixed_functions"),
    }
}

/// At most so many records for each set of functions, those with the smallest hashes of their ids, each
/// conversation once; in their order.
fn at_most(records: Vec<Record>, most: usize) -> Vec<Record> {
    let mut ranked: Vec<&Record> = records.iter().collect();
    ranked.sort_by_key(|record| rank(&record.id, ""));
    let mut taken: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut asked = BTreeSet::new();
    let mut chosen = BTreeSet::new();
    for record in ranked {
        let mut called: Vec<&str> = record.answers.iter().map(|answer| answer.name.as_str()).collect();
        called.sort_unstable();
        called.dedup();
        let count = taken.entry(called).or_default();
        if *count < most && asked.insert(record.user_turns().collect::<Vec<_>>()) {
            *count += 1;
            chosen.insert(record.id.clone());
        }
    }
    records.into_iter().filter(|record| chosen.contains(&record.id)).collect()
}

/// Leaves each record the tools of its part. In validation, a held tool of the set stands where another
/// stood, as long as there are some whose name the record does not have yet.
fn tools(set: &mut Dataset, settings: &SplitSettings, held: bool) {
    let fits = |tool: &Tool| settings.holds(&tool.name) == held && !settings.without.contains(&tool.name);
    let spare: Vec<&String> = set.tools.iter().filter(|(_, tool)| fits(tool)).map(|(key, _)| key).collect();
    for record in &mut set.records {
        let own: BTreeSet<&str> = record
            .tool_keys
            .iter()
            .filter_map(|key| set.tools.get(key))
            .filter(|tool| fits(tool))
            .map(|tool| tool.name.as_str())
            .collect();
        let mut others = if held { spare.clone() } else { Vec::new() };
        others.sort_by_key(|key| rank(&record.id, key));
        let mut names = own;
        let mut others = others.into_iter().filter(|key| names.insert(set.tools[*key].name.as_str()));
        let keys = std::mem::take(&mut record.tool_keys);
        let stays = |key: &String| set.tools.get(key).is_some_and(fits);
        record.tool_keys = keys
            .into_iter()
            .filter_map(|key| if stays(&key) { Some(key) } else { others.next().cloned() })
            .collect();
    }
}

/// An order without meaning that is always the same.
fn rank(id: &str, key: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(&[0]).update(key.as_bytes());
    *hasher.finalize().as_bytes()
}

fn queries(sets: &[Dataset]) -> Queries {
    let mut queries = Queries::default();
    sets.iter().flat_map(|set| &set.records).for_each(|record| queries.add(record.user_turns()));
    queries
}

/// Names of the tools that a part's records name.
fn functions(sets: &[Dataset]) -> BTreeSet<&str> {
    let keys = sets.iter().flat_map(|set| set.records.iter().map(move |record| (set, record)));
    let names = keys.flat_map(|(set, record)| record.tool_keys.iter().filter_map(|key| set.tools.get(key)));
    names.map(|tool| tool.name.as_str()).collect()
}

fn shared(train: &[Dataset], validation: &[Dataset], evaluation: &Queries) -> Shared {
    let trained = queries(train);
    let count = |sets: &[Dataset], queries: &Queries| {
        let records = sets.iter().flat_map(|set| &set.records);
        records.filter(|record| queries.share(record.user_turns())).count()
    };
    Shared {
        functions: functions(train).intersection(&functions(validation)).count(),
        queries: count(validation, &trained),
        evaluation_queries: count(validation, evaluation) + count(train, evaluation),
    }
}

fn part(sets: &[Dataset]) -> Part {
    let mut part = Part { functions: functions(sets).len(), ..Part::default() };
    let mut hasher = blake3::Hasher::new();
    for set in sets {
        part.records += set.records.len();
        part.sets.insert(set.name.clone(), set.records.len());
        for record in &set.records {
            *part.calls.entry(record.answers.len()).or_default() += 1;
        }
        for text in [set.name.clone(), set.lines(), set.named_tools()] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
    }
    part.digest = hasher.finalize().to_hex()[..32].to_owned();
    part
}
