//! What an evaluation found.

use serde::Serialize;

use crate::run::{Judged, Verdict};

/// The counts of an evaluation. Every record is in `total`; one that failed or has no valid answer is
/// not right.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Records asked.
    pub total: usize,
    /// Right answers by [`Gold::accepts`](crate::Gold::accepts).
    pub exact: usize,
    /// Right answers by [`Gold::accepts_as_text`](crate::Gold::accepts_as_text), which are all exact
    /// ones and maybe more.
    pub exact_text: usize,
    /// Searches that ended without a valid answer.
    pub no_valid_answer: usize,
    /// Id and message of every record that failed, in the records' order.
    pub failed: Vec<(String, String)>,
    /// Mean wall time of the requests that did not fail, in milliseconds; 0 if all did. It includes
    /// the time that concurrent requests wait for each other.
    pub mean_ms: f64,
    /// Median of the same times, in milliseconds.
    pub median_ms: f64,
    /// Tokens that the policy decoded, prompts left out.
    pub policy_tokens: u64,
    /// Tokens of answers that the reward model computed, markers included.
    pub reward_tokens: u64,
}

impl Report {
    pub(crate) fn of(results: impl Iterator<Item = Judged>) -> Report {
        let mut report = Report::default();
        let mut times = Vec::new();
        for judged in results {
            report.total += 1;
            report.policy_tokens += judged.policy_tokens;
            report.reward_tokens += judged.reward_tokens;
            let milliseconds = judged.elapsed.as_secs_f64() * 1e3;
            match judged.verdict {
                Verdict::Failed(message) => {
                    report.failed.push((judged.id, message));
                    continue;
                }
                Verdict::Exact => {
                    report.exact += 1;
                    report.exact_text += 1;
                }
                Verdict::ExactText => report.exact_text += 1,
                Verdict::NoValidAnswer => report.no_valid_answer += 1,
                Verdict::Wrong => {}
            }
            times.push(milliseconds);
        }
        (report.mean_ms, report.median_ms) = mean_and_median(times);
        report
    }
}

fn mean_and_median(mut times: Vec<f64>) -> (f64, f64) {
    if times.is_empty() {
        return (0.0, 0.0);
    }
    times.sort_unstable_by(f64::total_cmp);
    let middle = &times[(times.len() - 1) / 2..=times.len() / 2];
    let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len() as f64;
    (mean(&times), mean(middle))
}
