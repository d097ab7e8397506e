//! Hammer's counts, by which its tables and the paper's are made.

use serde::Serialize;

use super::output::{Calls, OutputCall};

/// Precision, recall and F1 as Hammer's script prints them, under its names. It leaves a group out where a
/// count is zero, and so is it left out here.
///
/// A predicted call with the name of a gold call counts as correct, however many there are: it does not
/// consume the gold call. Of its arguments count those that the first gold call of its name with any
/// correct one has with the same value by Python's `str`; and 1 if both have none, although such a call adds
/// nothing to the arguments that there are. So figures can exceed 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compat {
    /// Of names.
    #[serde(flatten)]
    pub api: Option<ApiScores>,
    /// Of arguments.
    #[serde(flatten)]
    pub param: Option<ParamScores>,
}

/// Scores of function names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ApiScores {
    /// Precision.
    #[serde(rename = "P_api")]
    pub precision: f64,
    /// Recall.
    #[serde(rename = "R_api")]
    pub recall: f64,
    /// F1.
    #[serde(rename = "F1_api")]
    pub f1: f64,
}

/// Scores of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParamScores {
    /// Precision.
    #[serde(rename = "P_param")]
    pub precision: f64,
    /// Recall.
    #[serde(rename = "R_param")]
    pub recall: f64,
    /// F1.
    #[serde(rename = "F1_param")]
    pub f1: f64,
}

#[derive(Default)]
struct Counts {
    correct: usize,
    predicted: usize,
    gold: usize,
}

impl Compat {
    pub(super) fn of(records: &[(Calls, Option<Calls>)]) -> Compat {
        let (mut api, mut param) = (Counts::default(), Counts::default());
        for (gold, predicted) in records {
            api.gold += gold.len();
            param.gold += gold.iter().map(OutputCall::given).sum::<usize>();
            let Some(predicted) = predicted else {
                api.predicted += 1;
                continue;
            };
            api.predicted += predicted.len();
            for call in predicted {
                param.predicted += call.given();
                let mut named = gold.iter().filter(|gold| gold.has_name_of(call)).peekable();
                api.correct += usize::from(named.peek().is_some());
                param.correct += named.map(|gold| correct(gold, call)).find(|count| *count > 0).unwrap_or(0);
            }
        }
        Compat {
            api: api.scores().map(|[precision, recall, f1]| ApiScores { precision, recall, f1 }),
            param: param.scores().map(|[precision, recall, f1]| ParamScores { precision, recall, f1 }),
        }
    }
}

/// Correct arguments of a call beside a gold call of its name.
fn correct(gold: &OutputCall, call: &OutputCall) -> usize {
    match (gold.arguments(), call.arguments()) {
        (Some(gold), Some(arguments)) if gold.all == 0 && arguments.given.is_empty() => 1,
        _ => gold.same_arguments(call),
    }
}

impl Counts {
    /// Precision, recall and F1, unless a count is zero.
    fn scores(&self) -> Option<[f64; 3]> {
        let Counts { correct, predicted, gold } = *self;
        (correct > 0 && predicted > 0 && gold > 0).then(|| {
            let (precision, recall) = (correct as f64 / predicted as f64, correct as f64 / gold as f64);
            [precision, recall, 2.0 * precision * recall / (precision + recall)]
        })
    }
}
