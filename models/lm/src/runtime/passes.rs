//! Forward passes: one for all requests together, and one for each deterministic request.

use tch::Tensor;

use super::cache::PrefixCache;
use super::job::run_passes;
use super::read::{ReadItem, ReadJob};
use super::resident::Resident;
use super::rows::GenerateJob;
use crate::attention::Span;
use crate::kv::{KvPool, Sequence};
use crate::qwen::{Extension, Qwen};
use crate::{LmError, sampler};

/// Tokens that one iteration reads.
const READ_BUDGET: usize = 4096;

/// Rows whose distributions over the vocabulary are held at a time.
const DRAW_ROWS: usize = 64;

impl Resident {
    /// Computes one more token for every row: one pass for all requests together, and one for each
    /// deterministic request.
    pub(super) fn generate(&mut self) {
        let jobs = std::mem::take(&mut self.generates);
        self.generates = run_passes(jobs, |batch| self.generate_batch(batch));
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
        let mut drawn = Vec::with_capacity(draws.len());
        for (index, draws) in draws.chunks(DRAW_ROWS).enumerate() {
            let hidden = hidden.f_narrow(0, (index * DRAW_ROWS) as i64, draws.len() as i64)?;
            drawn.extend(sampler::draw(&self.model.logits(&hidden)?, draws)?);
        }
        let mut drawn = drawn.into_iter();
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
    pub(super) fn read(&mut self) {
        let jobs = std::mem::take(&mut self.reads);
        self.reads = run_passes(jobs, |batch| self.read_batch(batch));
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

/// Extends sequences by tokens: their final hidden states (tokens, hidden), and where each begins.
fn extend(
    model: &Qwen,
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
