//! What every kind of request has in common while it is in work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::room::Claim;
use crate::{LmError, Prompt};

/// A request in work.
pub(super) trait Job: Sized {
    fn prompt(&self) -> &Prompt;
    /// The most tokens that it may hold beside its prompt.
    fn worst_case(&self) -> usize;
    /// Takes the claim that it keeps until it ends.
    fn admit(&mut self, claim: Claim);
    fn is_cancelled(&self) -> bool;
    /// Whether its prompt is there and its own tokens are computed.
    fn is_running(&self) -> bool;
    /// Whether it is computed in passes of its own.
    fn is_alone(&self) -> bool;
    fn is_done(&self) -> bool;
    fn finish(self);
    fn fail(self, error: LmError);
}

/// Runs one pass for all running jobs that share, and one for each that is alone. Jobs that are done
/// or that fail leave; a panic fails the jobs of its pass only.
pub(super) fn run_passes<J: Job>(
    jobs: Vec<J>,
    mut pass: impl FnMut(&mut [J]) -> Result<(), LmError>,
) -> Vec<J> {
    let (running, mut left): (Vec<J>, Vec<J>) = jobs.into_iter().partition(J::is_running);
    let (alone, together): (Vec<J>, Vec<J>) = running.into_iter().partition(J::is_alone);
    let batches = alone.into_iter().map(|job| vec![job]).chain(std::iter::once(together));
    for mut batch in batches.filter(|batch| !batch.is_empty()) {
        match guarded(|| pass(&mut batch)) {
            Ok(()) => {
                let (done, more): (Vec<J>, Vec<J>) = batch.into_iter().partition(J::is_done);
                done.into_iter().for_each(J::finish);
                left.extend(more);
            }
            Err(error) => fail_each(batch, &error),
        }
    }
    left
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
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// A job that is done after some passes; it writes down how it ended.
    struct Counted {
        name: &'static str,
        passes: u32,
        alone: bool,
        prompt: Prompt,
        log: Rc<RefCell<Vec<String>>>,
    }

    impl Job for Counted {
        fn prompt(&self) -> &Prompt {
            &self.prompt
        }
        fn worst_case(&self) -> usize {
            0
        }
        fn admit(&mut self, _: Claim) {}
        fn is_cancelled(&self) -> bool {
            false
        }
        fn is_running(&self) -> bool {
            true
        }
        fn is_alone(&self) -> bool {
            self.alone
        }
        fn is_done(&self) -> bool {
            self.passes == 0
        }
        fn finish(self) {
            self.log.borrow_mut().push(format!("{} done", self.name));
        }
        fn fail(self, error: LmError) {
            self.log.borrow_mut().push(format!("{}: {error}", self.name));
        }
    }

    #[test]
    fn a_panic_fails_the_jobs_of_its_pass_and_no_others() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let job = |name, passes, alone| Counted {
            name,
            passes,
            alone,
            prompt: Prompt::new(vec![1, 2]),
            log: Rc::clone(&log),
        };
        let jobs = vec![job("a", 1, false), job("bad", 1, true), job("b", 2, false), job("c", 1, true)];
        let left = run_passes(jobs, |batch| {
            assert!(batch.iter().all(|job| job.name != "bad"), "bad luck");
            batch.iter_mut().for_each(|job| job.passes -= 1);
            Ok(())
        });
        assert_eq!(left.iter().map(|job| job.name).collect::<Vec<_>>(), ["b"]);
        let log = log.borrow();
        assert!(log.iter().any(|line| line.starts_with("bad: ") && line.contains("bad luck")), "{log:?}");
        assert_eq!(log.iter().filter(|line| line.ends_with(" done")).count(), 2, "{log:?}");
    }
}
