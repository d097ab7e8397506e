//! Forward passes: one for all requests together, and one for each deterministic request.

use std::time::Instant;

use tch::Tensor;

use super::batch::Batch;
use super::job::{Job, guarded, settle};
use super::read::{LogitsAt, ReadJob};
use super::resident::Resident;
use super::rows::GenerateJob;
use crate::kv::Space;
use crate::sampler::Drawn;
use crate::{LmError, sampler};

/// Rows whose distributions over the vocabulary are held at a time.
const DRAW_ROWS: usize = 64;

impl Resident {
    /// Goes on with every request: one pass for all together, and one for each deterministic request.
    pub(super) fn compute(&mut self) {
        let generates = std::mem::take(&mut self.generates).into_iter().partition(Job::is_alone);
        let (alone, shared): (Vec<GenerateJob>, Vec<GenerateJob>) = generates;
        let reads = std::mem::take(&mut self.reads).into_iter().partition(Job::is_alone);
        let (alone_reads, shared_reads): (Vec<ReadJob>, Vec<ReadJob>) = reads;
        for job in alone {
            self.run(Space::Deterministic(job.prompt().digest), vec![job], Vec::new());
        }
        for job in alone_reads {
            self.run(Space::Deterministic(job.prompt().digest), Vec::new(), vec![job]);
        }
        self.run(Space::Shared, shared, shared_reads);
    }

    /// One pass. A panic or an error fails the requests of the pass, and no others.
    fn run(&mut self, space: Space, mut generates: Vec<GenerateJob>, mut reads: Vec<ReadJob>) {
        let passed = guarded(|| self.pass(space, &mut generates, &mut reads));
        self.generates.extend(settle(generates, &passed));
        self.reads.extend(settle(reads, &passed));
    }

    fn pass(
        &mut self,
        space: Space,
        generates: &mut [GenerateJob],
        reads: &mut [ReadJob],
    ) -> Result<(), LmError> {
        let mut batch = Batch::new(space);
        // What goes on by one token comes first, so that it never waits for a long prompt.
        generates.iter_mut().for_each(|job| job.plan(&mut batch, true));
        reads.iter_mut().for_each(|job| job.plan(&mut batch));
        generates.iter_mut().for_each(|job| job.plan(&mut batch, false));
        if batch.tokens() == 0 {
            return Ok(());
        }
        let began = Instant::now();
        let drawn_from: Vec<i64> = generates.iter().flat_map(|job| job.wanted(&batch)).collect();
        let wanted = reads.iter().flat_map(|job| job.wanted(&batch));
        let wanted: Vec<i64> = drawn_from.iter().copied().chain(wanted).collect();
        let hidden = batch.compute(&self.model, &mut self.room.store, &wanted)?;
        let (draws, all) = (drawn_from.len() as i64, wanted.len() as i64);
        self.draw(&hidden.f_narrow(0, 0, draws)?, generates)?;
        self.read(&batch, &hidden.f_narrow(0, draws, all - draws)?, reads)?;
        self.meters.passed(batch.tokens(), began.elapsed());
        Ok(())
    }

    /// Lets every row draw whose last token was computed. `hidden` are the states that the rows draw
    /// from, in order.
    fn draw(&self, hidden: &Tensor, jobs: &mut [GenerateJob]) -> Result<(), LmError> {
        let draws: Vec<_> = jobs.iter_mut().flat_map(GenerateJob::draws).collect();
        let mut drawn: Vec<Vec<Drawn>> = Vec::with_capacity(draws.len());
        for (start, draws) in draws.chunks(DRAW_ROWS).enumerate().map(|(i, d)| (i * DRAW_ROWS, d)) {
            let rows = hidden.f_narrow(0, start as i64, draws.len() as i64)?;
            drawn.extend(sampler::draw(&self.model.logits(&rows)?, draws)?);
        }
        let mut drawn = drawn.into_iter();
        jobs.iter_mut().try_for_each(|job| job.advance(&mut drawn, &self.info.tokenizer, &self.info.config))
    }

    /// Reads the logits that were computed and are wanted; `hidden` are the states that they come from,
    /// in order. Requests that want the same entries of the vocabulary share a product.
    fn read(&self, batch: &Batch, hidden: &Tensor, jobs: &mut [ReadJob]) -> Result<(), LmError> {
        let mut next = 0;
        let mut left = Vec::with_capacity(jobs.len());
        for job in jobs {
            let rows = next..next + job.wanted(batch).len() as i64;
            next = rows.end;
            left.push((job, rows));
        }
        while let Some((first, _)) = left.first() {
            let ids = first.request.ids.clone();
            let (alike, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(job, _)| job.request.ids == ids);
            left = others;
            let wanted: Vec<i64> = alike.iter().flat_map(|(_, rows)| rows.clone()).collect();
            let mut logits = self.logits_of(hidden, &wanted, &ids)?.into_iter();
            alike.into_iter().for_each(|(job, _)| job.advance(batch, &mut logits));
        }
        Ok(())
    }

    fn logits_of(&self, hidden: &Tensor, wanted: &[i64], ids: &[u32]) -> Result<Vec<LogitsAt>, LmError> {
        if wanted.is_empty() || ids.is_empty() {
            return Ok(vec![Vec::new(); wanted.len()]);
        }
        let logits = self.model.logits_of(&self.rows(hidden, wanted)?, ids)?;
        let flat: Vec<f32> = Vec::try_from(logits.f_flatten(0, -1)?)?;
        Ok(flat.chunks(ids.len()).map(<[f32]>::to_vec).collect())
    }

    /// Hidden states (tokens, hidden size) -> those of `rows`.
    fn rows(&self, hidden: &Tensor, rows: &[i64]) -> Result<Tensor, LmError> {
        Ok(hidden.f_index_select(0, &Tensor::f_from_slice(rows)?.f_to_device(self.model.device())?)?)
    }
}
