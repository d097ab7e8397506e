//! What every kind of request has in common while it is in work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::parts::Parts;
use super::room::Claim;
use super::tally::Tally;
use super::turns::Turn;
use crate::kv::Owner;
use crate::{LmError, Prompt};

/// Whose a request is.
pub(super) struct Owned {
    pub(super) owner: Owner,
    pub(super) turn: Turn,
    pub(super) tally: Tally,
}

/// A request in work.
pub(super) trait Job: Sized {
    fn turn(&self) -> Turn;
    fn prompt(&self) -> &Prompt;
    /// Its work in parts that fit.
    fn parts(&mut self) -> &mut Parts;
    /// The most tokens that its next part may hold beside its prompt.
    fn worst_case(&self) -> usize;
    /// Begins its next part, with the claim that it keeps until that ends.
    fn begin(&mut self, claim: Claim) -> Result<(), LmError>;
    fn is_cancelled(&self) -> bool;
    /// Whether it is computed in passes of its own.
    fn is_alone(&self) -> bool;
    /// Whether the part that has begun is done.
    fn is_idle(&self) -> bool;
    /// Gives back the claim of a part that is done.
    fn rest(&mut self);
    fn finish(self);
    fn fail(self, error: LmError);
}

/// The error of a job that outgrew its claim: a defect.
pub(super) fn no_room() -> LmError {
    LmError::BatchFailed("keys and values outgrew what was set aside for them".into())
}

/// Whether all of a job is done.
pub(super) fn is_done<J: Job>(job: &mut J) -> bool {
    job.is_idle() && !job.parts().remain()
}

/// Ends the jobs of a pass that are done, or all if it failed. Returns those that go on.
pub(super) fn settle<J: Job>(jobs: Vec<J>, passed: &Result<(), LmError>) -> Vec<J> {
    match passed {
        Ok(()) => {
            let mut more = Vec::with_capacity(jobs.len());
            for mut job in jobs {
                if is_done(&mut job) {
                    job.finish();
                } else {
                    more.push(job);
                }
            }
            more
        }
        Err(error) => {
            fail_each(jobs, error);
            Vec::new()
        }
    }
}

/// Fails jobs, each with its own copy of the error.
pub(super) fn fail_each<J: Job>(jobs: impl IntoIterator<Item = J>, error: &LmError) {
    let message = error.to_string();
    jobs.into_iter().for_each(|job| job.fail(LmError::BatchFailed(message.clone())));
}

/// Runs a pass; a panic becomes its error.
pub(super) fn guarded<T>(pass: impl FnOnce() -> Result<T, LmError>) -> Result<T, LmError> {
    catch_unwind(AssertUnwindSafe(pass)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(message = text, "a pass panicked; its requests fail");
        Err(LmError::BatchFailed(format!("a pass panicked: {text}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_error_of_its_pass() {
        let failed = guarded::<()>(|| panic!("bad luck")).expect_err("it panicked");
        assert!(failed.to_string().contains("bad luck"), "{failed}");
        assert_eq!(guarded(|| Ok(7)).expect("nothing panicked"), 7);
    }
}
