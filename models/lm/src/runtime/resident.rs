//! One loaded model: its requests, its keys and values, and its iterations.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use tch::{Device, Kind};

use super::distinct::Tries;
use super::handle::{ModelInfo, RuntimeConfig};
use super::job::{Job, Owned, fail_each, guarded, is_done};
use super::meters::{Load, Meters};
use super::places::Places;
use super::read::ReadJob;
use super::room::Room;
use super::rows::GenerateJob;
use super::tally::{Phase, Tally};
use super::thread::Work;
use super::turns::{Turn, Turns};
use crate::dtype::dtype_name;
use crate::kv::{KvStore, Owner};
use crate::qwen::Qwen;
use crate::weights::Loader;
use crate::{LmError, ModelFiles, ModelFolder, Profile};

/// A model on the device's thread.
pub(super) struct Resident {
    pub(super) info: Arc<ModelInfo>,
    pub(super) places: Arc<Places>,
    /// Iterations so far.
    pub(super) steps: u64,
    pub(super) model: Qwen,
    pub(super) room: Room,
    waiting: BTreeMap<Turn, Waiting>,
    /// The most owners that generate at a time.
    most_running: usize,
    pub(super) generates: Vec<GenerateJob>,
    pub(super) reads: Vec<ReadJob>,
    /// Hashes owners' names.
    owners: RandomState,
    turns: Turns,
    tries: Tries,
    pub(super) meters: Rc<Meters>,
}

/// A request that waits for room.
enum Waiting {
    Generate(GenerateJob),
    Read(ReadJob),
}

impl Resident {
    /// Loads a model folder.
    pub(super) fn load(
        files: &ModelFiles,
        (device, kind): (Device, Kind),
        config: &RuntimeConfig,
    ) -> Result<Resident, LmError> {
        let _span = tracing::info_span!("load", model = files.name()).entered();
        let folder = ModelFolder::read(files)?;
        let total = folder.weights.shards().map(|(_, bytes)| bytes).sum();
        let mut loader = Loader::new(files, &folder.weights, (device, kind), total);
        let model = Qwen::load(folder.config.clone(), &mut loader, device, kind)?;
        let info = ModelInfo {
            name: files.name(),
            fingerprint: fingerprint(files, &folder.profile, &loader.digest())?,
            parameters: folder.config.parameter_count(),
            device: match model.device() {
                Device::Cuda(index) => format!("cuda:{index}"),
                Device::Cpu | Device::Mps | Device::Vulkan => "cpu".into(),
            },
            dtype: dtype_name(model.kind()),
            config: folder.config,
            profile: folder.profile,
            tokenizer: folder.tokenizer,
            prompts: folder.prompts,
        };
        let store = KvStore::new(&info.config, config.kv_bytes, device, kind)?;
        let bytes_per_token = info.config.kv_bytes_per_token(kind.elt_size_in_bytes() as u64);
        tracing::info!(
            model = info.name,
            fingerprint = info.fingerprint,
            parameters = info.parameters,
            preset = info.profile.preset,
            context = info.config.context_length,
            kv_tokens = store.capacity(),
            "model loaded"
        );
        let meters = Rc::new(Meters::new(&info.name));
        let resident = Resident {
            info: Arc::new(info),
            places: Places::new(config.queue),
            steps: 0,
            model,
            room: Room::new(store, bytes_per_token),
            waiting: BTreeMap::new(),
            most_running: config.most_running(device),
            generates: Vec::new(),
            reads: Vec::new(),
            owners: RandomState::new(),
            turns: Turns::new(),
            tries: Tries::new(),
            meters,
        };
        resident.measure();
        Ok(resident)
    }

    pub(super) fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.info)
    }

    pub(super) fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places)
    }

    pub(super) fn accept(&mut self, work: Work) {
        match work {
            Work::Generate(request, reply, place) => {
                let owned = self.owned(&request.owner, Phase::Decode);
                let (turn, context) = (owned.turn, self.info.config.context_length);
                let job = GenerateJob::new(request, owned, reply, place, context);
                self.waiting.insert(turn, Waiting::Generate(job));
            }
            Work::Read(request, reply, place) => {
                let owned = self.owned(&request.owner, Phase::Read);
                self.waiting.insert(owned.turn, Waiting::Read(ReadJob::new(request, owned, reply, place)));
            }
            Work::Forget(owner) => {
                if let Some(owner) = self.owner(&owner) {
                    self.room.store.forget(owner);
                    self.tries.forget(owner);
                    self.turns.forget(owner);
                    self.measure();
                }
            }
            Work::ForgetAll => {
                self.room.store.forget_all();
                self.measure();
            }
            // Who does not wait any more needs no answer.
            Work::WarmUp(reply) => drop(reply.send(guarded(|| self.model.warm_up()))),
            // Who does not wait for the numbers any more needs none.
            Work::Count(reply) => drop(reply.send(self.census())),
        }
    }

    fn owner(&self, name: &str) -> Owner {
        (!name.is_empty()).then(|| self.owners.hash_one(name))
    }

    /// Whose a request is, and its counts.
    fn owned(&mut self, name: &str, phase: Phase) -> Owned {
        let owner = self.owner(name);
        let tally = Tally::new(Rc::clone(&self.meters), self.tries.of(owner), phase);
        Owned { owner, turn: self.turns.of(owner), tally }
    }

    /// Tells what is held and done now.
    fn measure(&self) {
        let slots = self.room.store.capacity();
        self.meters.load(&Load {
            slots_used: slots - self.room.store.free(),
            slots,
            waiting: self.waiting.len(),
            running: self.generates.len() + self.reads.len(),
        });
    }

    pub(super) fn has_work(&self) -> bool {
        !(self.waiting.is_empty() && self.generates.is_empty() && self.reads.is_empty())
    }

    /// Does one round of work: what every request misses, within a budget of tokens.
    pub(super) fn iterate(&mut self) {
        self.steps += 1;
        self.drop_cancelled();
        self.admit();
        self.compute();
        self.await_room();
        self.measure();
    }

    /// Fails every admitted request, after a panic whose extent is unknown.
    pub(super) fn fail_all(&mut self, error: &LmError) {
        fail_each(std::mem::take(&mut self.generates), error);
        fail_each(std::mem::take(&mut self.reads), error);
    }

    fn drop_cancelled(&mut self) {
        self.waiting.retain(|_, waiting| !waiting.is_cancelled());
        self.generates.retain(|job| !job.is_cancelled());
        self.reads.retain(|job| !job.is_cancelled());
    }

    /// Admits waiting requests by their turns, as long as their keys and values fit for certain. Beyond
    /// the most owners that generate at a time, what would have others generate too waits.
    fn admit(&mut self) {
        let mut running: HashSet<u64> = self.generates.iter().map(|job| job.turn().owner).collect();
        for turn in self.waiting.keys().copied().collect::<Vec<Turn>>() {
            let generates = matches!(self.waiting.get(&turn), Some(Waiting::Generate(_)));
            if generates && running.len() >= self.most_running && !running.contains(&turn.owner) {
                continue;
            }
            let Some(waiting) = self.waiting.remove(&turn) else { continue };
            if generates {
                running.insert(turn.owner);
            }
            let back = match waiting {
                Waiting::Generate(job) => {
                    self.try_admit(job, |resident| &mut resident.generates).map(Waiting::Generate)
                }
                Waiting::Read(job) => self.try_admit(job, |resident| &mut resident.reads).map(Waiting::Read),
            };
            if let Some(back) = back {
                self.waiting.insert(turn, back);
                return;
            }
        }
    }

    /// Lets requests whose part is done wait for room for the next, at their turns.
    fn await_room(&mut self) {
        for mut job in self.generates.extract_if(.., |job| job.is_idle()) {
            job.rest();
            self.waiting.insert(job.turn(), Waiting::Generate(job));
        }
        for mut job in self.reads.extract_if(.., |job| job.is_idle()) {
            job.rest();
            self.waiting.insert(job.turn(), Waiting::Read(job));
        }
    }

    /// Puts a job among the admitted; gives it back if there is no room now. If there never is, it goes in
    /// smaller parts, and fails if its smallest does not fit.
    fn try_admit<J: Job>(
        &mut self,
        mut job: J,
        place: impl FnOnce(&mut Resident) -> &mut Vec<J>,
    ) -> Option<J> {
        loop {
            match self.room.admit(job.prompt(), job.is_alone(), job.worst_case()) {
                Some(claim) => {
                    match job.begin(claim) {
                        Ok(()) if is_done(&mut job) => job.finish(),
                        Ok(()) => place(self).push(job),
                        Err(error) => job.fail(error),
                    }
                    return None;
                }
                None if !(self.generates.is_empty() && self.reads.is_empty()) => return Some(job),
                None if job.parts().halve() => {}
                None => {
                    let error = self.room.bound_error(job.prompt(), job.worst_case());
                    job.fail(error);
                    return None;
                }
            }
        }
    }
}

impl Waiting {
    fn is_cancelled(&self) -> bool {
        match self {
            Waiting::Generate(job) => job.is_cancelled(),
            Waiting::Read(job) => job.is_cancelled(),
        }
    }
}

/// A hash of all that decides what the model computes.
fn fingerprint(files: &ModelFiles, profile: &Profile, weights: &[u8; 32]) -> Result<String, LmError> {
    let mut hasher = blake3::Hasher::new();
    let small = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
    for file in small.into_iter().chain(["chat_template.jinja", "toolbeam.json"]) {
        let bytes = files.read_optional(file)?.unwrap_or_default();
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    // What a preset adds lies in no file.
    hasher.update(format!("{profile:?}").as_bytes());
    hasher.update(weights);
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}
