//! One loaded model: its requests, its keys and values, and its iterations.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::cache::PrefixCache;
use super::generate::GenerateJob;
use super::handle::{Gauges, Load, ModelInfo};
use super::read::{ReadItem, ReadJob};
use super::thread::Work;
use crate::attention::Span;
use crate::kv::{KvPool, Sequence};
use crate::qwen2::{Extension, Qwen2};
use crate::sampler;
use crate::{ChatTemplate, LmError, ModelConfig, ModelFiles, Prompt, PromptFormat, Tokenizer, weights};

/// Tokens of a prompt that one iteration computes. Fixed, so that a prompt is always computed in the
/// same shapes.
const PREFILL_CHUNK: usize = 512;

/// Tokens that one iteration reads.
const READ_BUDGET: usize = 4096;

/// A model on the device's thread.
pub(super) struct Resident {
    info: Arc<ModelInfo>,
    gauges: Arc<Gauges>,
    model: Qwen2,
    room: Room,
    cache: PrefixCache,
    waiting: VecDeque<Job>,
    generates: Vec<GenerateJob>,
    reads: Vec<ReadJob>,
    prefills: VecDeque<Prefill>,
}

/// A request that waits for room.
enum Job {
    Generate(GenerateJob),
    Read(ReadJob),
}

/// A prompt that is being computed. All but its last token: that one is computed by every request,
/// which needs its logits.
struct Prefill {
    prompt: Prompt,
    sequence: Sequence,
    done: usize,
}

/// The pool, and how much of it admitted requests may still claim.
pub(super) struct Room {
    pool: KvPool,
    /// Tokens claimed by requests, beside their prompts.
    claimed: usize,
    /// Prompts of admitted requests: tokens and number of requests.
    prompts: HashMap<[u8; 32], (usize, usize)>,
    bytes_per_token: u64,
}

impl Room {
    /// Tokens that a row of `tokens` tokens may occupy, slots that splits leave unused included.
    pub(super) fn rounded(tokens: usize) -> usize {
        tokens.next_multiple_of(8) + 16
    }

    fn admit(&mut self, prompt: &Prompt, claim: usize) -> bool {
        let known = self.prompts.contains_key(&prompt.digest);
        let held: usize = self.prompts.values().map(|(tokens, _)| tokens).sum();
        let more = claim + if known { 0 } else { prompt.tokens.len() };
        if self.claimed + held + more > self.pool.capacity() {
            return false;
        }
        self.claimed += claim;
        self.prompts.entry(prompt.digest).or_insert((prompt.tokens.len(), 0)).1 += 1;
        true
    }

    fn release(&mut self, prompt: &Prompt, claim: usize) {
        self.claimed -= claim;
        if let Some((_, requests)) = self.prompts.get_mut(&prompt.digest) {
            *requests -= 1;
            if *requests == 0 {
                self.prompts.remove(&prompt.digest);
            }
        }
    }

    fn bound_error(&self, prompt: &Prompt, claim: usize) -> LmError {
        LmError::KvBound {
            needed: (prompt.tokens.len() + claim) as u64 * self.bytes_per_token,
            bound: self.pool.capacity() as u64 * self.bytes_per_token,
        }
    }
}

impl Resident {
    /// Loads a model folder. `kv_bytes` bounds its keys and values.
    pub(super) fn load(files: &ModelFiles, device: Device, kv_bytes: u64) -> Result<Resident, LmError> {
        let kind = Kind::Float;
        let config = ModelConfig::read(files)?;
        let tokenizer = Arc::new(Tokenizer::read(files)?);
        if tokenizer.size() > config.vocab_size as usize {
            let message = format!(
                "has {} tokens, but vocab_size in config.json is {}",
                tokenizer.size(),
                config.vocab_size
            );
            return Err(LmError::file("tokenizer.json", message));
        }
        let prompts = PromptFormat::new(ChatTemplate::read(files)?, Arc::clone(&tokenizer));
        let bytes = weights::read(files)?;
        let fingerprint = fingerprint(files, &bytes)?;
        let model = Qwen2::load(config.clone(), &bytes, device, kind)?;
        let info = ModelInfo {
            name: files.name(),
            fingerprint,
            parameters: model.parameters(),
            device: match model.device() {
                Device::Cuda(index) => format!("cuda:{index}"),
                Device::Cpu | Device::Mps | Device::Vulkan => "cpu".into(),
            },
            dtype: if model.kind() == Kind::BFloat16 { "bfloat16" } else { "float32" },
            config,
            tokenizer,
            prompts,
        };
        let pool = KvPool::new(&info.config, kv_bytes, device, kind)?;
        let bytes_per_token = info.config.kv_bytes_per_token(kind.elt_size_in_bytes() as u64);
        tracing::info!(
            model = info.name,
            fingerprint = info.fingerprint,
            parameters = info.parameters,
            kv_tokens = pool.capacity(),
            "model loaded"
        );
        Ok(Resident {
            info: Arc::new(info),
            gauges: Arc::default(),
            model,
            room: Room { pool, claimed: 0, prompts: HashMap::new(), bytes_per_token },
            cache: PrefixCache::default(),
            waiting: VecDeque::new(),
            generates: Vec::new(),
            reads: Vec::new(),
            prefills: VecDeque::new(),
        })
    }

    pub(super) fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.info)
    }

    pub(super) fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    pub(super) fn accept(&mut self, work: Work) {
        match work {
            Work::Generate(request, reply) => {
                self.waiting.push_back(Job::Generate(GenerateJob::new(request, reply)))
            }
            Work::Read(request, reply) => self.waiting.push_back(Job::Read(ReadJob::new(request, reply))),
            Work::Forget(owner) => self.cache.forget(&owner),
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !(self.waiting.is_empty() && self.generates.is_empty() && self.reads.is_empty())
    }

    /// Tells the outside what is held.
    pub(super) fn publish(&self) {
        self.gauges.set(Load {
            requests: (self.waiting.len() + self.generates.len() + self.reads.len()) as u64,
            kv_tokens: (self.room.pool.capacity() - self.room.pool.free()) as u64,
        });
    }

    /// Does one round of work: a chunk of a prompt, one token for every row, waiting reads.
    pub(super) fn iterate(&mut self) {
        self.drop_cancelled();
        self.admit();
        self.start_ready();
        self.prefill();
        self.generate();
        self.read();
    }

    /// Fails every admitted request, after a panic whose extent is unknown.
    pub(super) fn fail_all(&mut self, message: &str) {
        self.prefills.clear();
        for job in std::mem::take(&mut self.generates) {
            self.room.release(&job.request.prompt, job.worst_case());
            job.fail(LmError::BatchFailed(message.to_owned()));
        }
        for job in std::mem::take(&mut self.reads) {
            self.room.release(&job.request.prompt, job.worst_case());
            job.fail(LmError::BatchFailed(message.to_owned()));
        }
    }

    fn drop_cancelled(&mut self) {
        self.waiting.retain(|job| !job.is_cancelled());
        let room = &mut self.room;
        self.generates.retain(|job| {
            let cancelled = job.is_cancelled();
            if cancelled {
                room.release(&job.request.prompt, job.worst_case());
            }
            !cancelled
        });
        self.reads.retain(|job| {
            let cancelled = job.is_cancelled();
            if cancelled {
                room.release(&job.request.prompt, job.worst_case());
            }
            !cancelled
        });
        let wanted = &self.room.prompts;
        self.prefills.retain(|prefill| wanted.contains_key(&prefill.prompt.digest));
    }

    /// Admits waiting requests in order, as long as their keys and values fit for certain.
    fn admit(&mut self) {
        while let Some(job) = self.waiting.pop_front() {
            let (prompt, claim) = job.claim();
            if self.room.admit(prompt, claim) {
                match job {
                    Job::Generate(job) => self.generates.push(job),
                    Job::Read(job) => self.reads.push(job),
                }
            } else if self.generates.is_empty() && self.reads.is_empty() {
                let error = self.room.bound_error(prompt, claim);
                job.fail(error);
            } else {
                self.waiting.push_front(job);
                return;
            }
        }
    }

    /// Starts admitted requests whose prompt is there, and sees to the prompts of the others.
    fn start_ready(&mut self) {
        let Resident { cache, prefills, room, generates, reads, .. } = self;
        for job in generates.iter_mut().filter(|job| !job.is_running()) {
            let Some(trunk) =
                prompt_or_prefill(cache, prefills, room, &job.request.prompt, |computed, cached| {
                    job.usage.prompt_tokens += computed;
                    job.usage.cached_prompt_tokens += cached;
                })
            else {
                continue;
            };
            let (digest, alone) = (job.request.prompt.digest, job.request.deterministic);
            job.start(|tokens| {
                let most = if alone { 0 } else { tokens.len().saturating_sub(1) };
                cache.longest_prefix(&digest, tokens, most).unwrap_or_else(|| (trunk.clone(), 0))
            });
        }
        for job in reads.iter_mut().filter(|job| !job.is_running()) {
            let Some(trunk) =
                prompt_or_prefill(cache, prefills, room, &job.request.prompt, |computed, cached| {
                    job.usage.prompt_tokens += computed;
                    job.usage.cached_tokens += cached;
                })
            else {
                continue;
            };
            let (digest, alone) = (job.request.prompt.digest, job.request.deterministic);
            job.start(|tokens, most| {
                let most = if alone { 0 } else { most };
                cache.longest_prefix(&digest, tokens, most).unwrap_or_else(|| (trunk.clone(), 0))
            });
        }
    }

    /// Computes a chunk of the first prompt that can have its slots.
    fn prefill(&mut self) {
        let Some(mut prefill) = self.prefills.pop_front() else { return };
        let trunk = prefill.prompt.tokens.len() - 1;
        if prefill.sequence.len() == 0 && !self.reserve_prompt(&mut prefill.sequence, trunk) {
            if !self.generates.iter().any(GenerateJob::is_running)
                && !self.reads.iter().any(ReadJob::is_running)
            {
                let error = self.room.bound_error(&prefill.prompt, 0);
                self.fail_prompt(&prefill.prompt, &error);
            } else {
                self.prefills.push_back(prefill);
            }
            return;
        }
        let range = prefill.done..(prefill.done + PREFILL_CHUNK).min(trunk);
        let start = prefill.sequence.trunk().map_or(0, |(start, _)| start);
        let extension = Extension {
            tokens: &prefill.prompt.tokens[range.clone()],
            position: range.start,
            span: Span {
                trunk: (range.start > 0).then_some((start, range.start)),
                tail: range.clone().map(|token| (start + token) as i64).collect(),
                new: range.len(),
            },
        };
        match self.model.forward(&mut self.room.pool, &[extension]) {
            Ok(_) if range.end == trunk => self.cache.keep_prompt(prefill.prompt.digest, prefill.sequence),
            Ok(_) => self.prefills.push_front(Prefill { done: range.end, ..prefill }),
            Err(error) => self.fail_prompt(&prefill.prompt, &error),
        }
        self.start_ready();
    }

    fn reserve_prompt(&mut self, sequence: &mut Sequence, tokens: usize) -> bool {
        while self.room.pool.append_run(sequence, tokens).is_none() {
            if !self.cache.evict() {
                return false;
            }
        }
        true
    }

    fn fail_prompt(&mut self, prompt: &Prompt, error: &LmError) {
        let failed = |other: &Prompt| other.digest == prompt.digest;
        for job in self.generates.extract_if(.., |job| failed(&job.request.prompt)) {
            self.room.release(&job.request.prompt, job.worst_case());
            job.fail(LmError::BatchFailed(error.to_string()));
        }
        for job in self.reads.extract_if(.., |job| failed(&job.request.prompt)) {
            self.room.release(&job.request.prompt, job.worst_case());
            job.fail(LmError::BatchFailed(error.to_string()));
        }
    }

    /// Computes one more token for every row: one pass for all requests together, and one for each
    /// deterministic request.
    fn generate(&mut self) {
        for batch in batches(&mut self.generates, GenerateJob::is_running, |job| job.request.deterministic) {
            let mut jobs = batch;
            match self.generate_batch(&mut jobs) {
                Ok(()) => {
                    for job in jobs {
                        if job.is_done() {
                            self.room.release(&job.request.prompt, job.worst_case());
                            job.finish();
                        } else {
                            self.generates.push(job);
                        }
                    }
                }
                Err(error) => {
                    for job in jobs {
                        self.room.release(&job.request.prompt, job.worst_case());
                        job.fail(LmError::BatchFailed(error.to_string()));
                    }
                }
            }
        }
    }

    fn generate_batch(&mut self, jobs: &mut [GenerateJob]) -> Result<(), LmError> {
        let mut rows: Vec<(&mut Sequence, &[u32])> = Vec::new();
        for row in jobs.iter_mut().flat_map(|job| job.rows_mut()) {
            rows.push((&mut row.sequence, &row.pending));
        }
        let last: Vec<usize> = rows.iter().map(|(_, pending)| pending.len() - 1).collect();
        let (hidden, starts) = extend(&self.model, &mut self.room.pool, &mut self.cache, &mut rows)?;
        let wanted: Vec<i64> = starts.iter().zip(last).map(|(start, last)| (start + last) as i64).collect();
        let hidden =
            hidden.f_index_select(0, &Tensor::f_from_slice(&wanted)?.f_to_device(self.model.device())?)?;
        let draws: Vec<_> = jobs.iter().flat_map(GenerateJob::draws).collect();
        let mut drawn = sampler::draw(&self.model.logits(&hidden)?, &draws)?.into_iter();
        for job in jobs {
            let rows = job.rows_mut().len();
            let drawn = drawn.by_ref().take(rows).collect();
            let (digest, owner) = (job.request.prompt.digest, job.request.owner.clone());
            let cache = &mut self.cache;
            job.advance(drawn, &self.info.tokenizer, &self.info.config, |answer, sequence| {
                cache.keep_answer(digest, answer, sequence.clone(), &owner);
            });
        }
        Ok(())
    }

    /// Reads for waiting requests: one pass for all together, and one for each deterministic request.
    fn read(&mut self) {
        for batch in batches(&mut self.reads, ReadJob::is_running, |job| job.request.deterministic) {
            let mut jobs = batch;
            match self.read_batch(&mut jobs) {
                Ok(()) => {
                    for job in jobs {
                        if job.is_done() {
                            self.room.release(&job.request.prompt, job.worst_case());
                            job.finish();
                        } else {
                            self.reads.push(job);
                        }
                    }
                }
                Err(error) => {
                    for job in jobs {
                        self.room.release(&job.request.prompt, job.worst_case());
                        job.fail(LmError::BatchFailed(error.to_string()));
                    }
                }
            }
        }
    }

    fn read_batch(&mut self, jobs: &mut [ReadJob]) -> Result<(), LmError> {
        let mut budget = READ_BUDGET;
        let mut items: Vec<(usize, ReadItem)> = Vec::new();
        for (job, request) in jobs.iter_mut().enumerate() {
            if budget == 0 {
                break;
            }
            let taken = request.take(budget);
            budget = budget.saturating_sub(taken.iter().map(|item| item.pending.len()).sum());
            items.extend(taken.into_iter().map(|item| (job, item)));
        }
        if items.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<(&mut Sequence, &[u32])> = Vec::new();
        for (_, item) in &mut items {
            rows.push((&mut item.sequence, &item.pending));
        }
        let (hidden, starts) = extend(&self.model, &mut self.room.pool, &mut self.cache, &mut rows)?;
        let logits = self.logits_at(&hidden, &starts, jobs, &items)?;
        for ((job, item), logits) in items.iter().zip(logits) {
            let job = &mut jobs[*job];
            job.advance(item, logits);
            if !job.request.deterministic {
                let tokens = job.request.sequences[item.index].tokens.clone();
                let (digest, owner) = (job.request.prompt.digest, &job.request.owner);
                self.cache.keep_answer(digest, tokens, item.sequence.clone(), owner);
            }
        }
        Ok(())
    }

    /// The logits that each item wants. Requests that want the same vocabulary entries share a product.
    fn logits_at(
        &self,
        hidden: &Tensor,
        starts: &[usize],
        jobs: &[ReadJob],
        items: &[(usize, ReadItem)],
    ) -> Result<Vec<Vec<Vec<f32>>>, LmError> {
        let mut out = vec![Vec::new(); items.len()];
        let mut by_ids: Vec<(&[u32], Vec<usize>)> = Vec::new();
        for (place, (job, _)) in items.iter().enumerate() {
            let ids = jobs[*job].request.ids.as_slice();
            match by_ids.iter_mut().find(|(known, _)| *known == ids) {
                Some((_, places)) => places.push(place),
                None => by_ids.push((ids, vec![place])),
            }
        }
        for (ids, places) in by_ids.into_iter().filter(|(ids, _)| !ids.is_empty()) {
            let wanted: Vec<i64> = places
                .iter()
                .flat_map(|place| {
                    items[*place].1.positions.iter().map(|position| (starts[*place] + position) as i64)
                })
                .collect();
            let wanted = Tensor::f_from_slice(&wanted)?.f_to_device(self.model.device())?;
            let logits = self.model.logits_of(&hidden.f_index_select(0, &wanted)?, ids)?;
            let flat: Vec<f32> = Vec::try_from(logits.f_flatten(0, -1)?)?;
            let mut rows = flat.chunks(ids.len()).map(<[f32]>::to_vec);
            for place in places {
                out[place] = rows.by_ref().take(items[place].1.positions.len()).collect();
            }
        }
        Ok(out)
    }
}

impl Job {
    fn is_cancelled(&self) -> bool {
        match self {
            Job::Generate(job) => job.is_cancelled(),
            Job::Read(job) => job.is_cancelled(),
        }
    }

    fn claim(&self) -> (&Prompt, usize) {
        match self {
            Job::Generate(job) => (&job.request.prompt, job.worst_case()),
            Job::Read(job) => (&job.request.prompt, job.worst_case()),
        }
    }

    fn fail(self, error: LmError) {
        match self {
            Job::Generate(job) => job.fail(error),
            Job::Read(job) => job.fail(error),
        }
    }
}

/// The prompt's keys and values if they are there; otherwise sees to it that they are computed.
/// `charge` is told the tokens that this request computes and those that it finds.
fn prompt_or_prefill(
    cache: &mut PrefixCache,
    prefills: &mut VecDeque<Prefill>,
    room: &Room,
    prompt: &Prompt,
    mut charge: impl FnMut(u64, u64),
) -> Option<Sequence> {
    if let Some(sequence) = cache.prompt(&prompt.digest) {
        charge(0, sequence.len() as u64);
        return Some(sequence);
    }
    if !prefills.iter().any(|prefill| prefill.prompt.digest == prompt.digest) {
        charge(prompt.tokens.len() as u64 - 1, 0);
        prefills.push_back(Prefill { prompt: prompt.clone(), sequence: room.pool.sequence(), done: 0 });
    }
    None
}

/// Extends sequences by tokens: their final hidden states (tokens, hidden), and where each begins.
fn extend(
    model: &Qwen2,
    pool: &mut KvPool,
    cache: &mut PrefixCache,
    rows: &mut [(&mut Sequence, &[u32])],
) -> Result<(Tensor, Vec<usize>), LmError> {
    let mut extensions = Vec::with_capacity(rows.len());
    let mut starts = Vec::with_capacity(rows.len());
    let mut total = 0;
    for (sequence, tokens) in rows.iter_mut() {
        let position = sequence.len();
        while pool.append(sequence, tokens.len()).is_none() {
            if !cache.evict() {
                return Err(LmError::BatchFailed(
                    "keys and values outgrew what was set aside for them".into(),
                ));
            }
        }
        let span =
            Span { trunk: sequence.trunk(), tail: sequence.slots_after(1).collect(), new: tokens.len() };
        extensions.push(Extension { tokens, position, span });
        starts.push(total);
        total += tokens.len();
    }
    Ok((model.forward(pool, &extensions)?, starts))
}

/// Takes the running jobs out of `jobs`: those that may share a pass together, the others alone.
fn batches<T>(jobs: &mut Vec<T>, running: impl Fn(&T) -> bool, alone: impl Fn(&T) -> bool) -> Vec<Vec<T>> {
    let mut together = Vec::new();
    let mut batches = Vec::new();
    for job in jobs.extract_if(.., |job| running(job)) {
        match alone(&job) {
            true => batches.push(vec![job]),
            false => together.push(job),
        }
    }
    if !together.is_empty() {
        batches.push(together);
    }
    batches
}

/// A hash of all that decides what the model computes.
fn fingerprint(files: &ModelFiles, weights: &[u8]) -> Result<String, LmError> {
    let mut hasher = blake3::Hasher::new();
    let small = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
    for file in small.into_iter().chain(["chat_template.jinja", "toolbeam.json"]) {
        let bytes = files.read_optional(file)?.unwrap_or_default();
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    hasher.update(weights);
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}
