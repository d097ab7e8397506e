//! Computing prompts, in chunks of fixed size and in passes of their own, so that a prompt's keys and
//! values do not depend on what else is running.

use std::collections::VecDeque;

use super::cache::PrefixCache;
use super::job::{Job, fail_each, guarded};
use super::read::ReadJob;
use super::resident::Resident;
use super::room::Room;
use super::rows::GenerateJob;
use crate::attention::Span;
use crate::kv::Sequence;
use crate::qwen::Extension;
use crate::{LmError, Prompt};

/// Tokens of a prompt that one iteration computes.
const PREFILL_CHUNK: usize = 512;

/// A prompt that is being computed. All but its last token: that one is computed by every request,
/// which needs its logits.
pub(super) struct Prefill {
    pub(super) prompt: Prompt,
    sequence: Sequence,
    done: usize,
}

impl Resident {
    /// Computes a chunk of the first prompt that can have its slots.
    pub(super) fn prefill(&mut self) {
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
        match guarded(|| self.model.forward(&mut self.room.pool, &[extension])) {
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
        let digest = prompt.digest;
        fail_each(self.generates.extract_if(.., |job| job.prompt().digest == digest), error);
        fail_each(self.reads.extract_if(.., |job| job.prompt().digest == digest), error);
    }
}

/// The prompt's keys and values if they are there; otherwise sees to it that they are computed.
/// `charge` is told the tokens that this request computes and those that it finds.
pub(super) fn prompt_or_prefill(
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
