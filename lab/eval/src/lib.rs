//! How good a running Toolbeam is on public evaluation sets: exact-match counts; and, of outputs that are
//! there, the verdicts of BFCL's AST checker ([`BfclChecker`]) and Hammer's F1 ([`f1()`]), which need no
//! Toolbeam.
//!
//! [`load`] reads a [`Suite`] from a folder that the user points at: the sets are not part of the
//! project. [`run`] asks a Toolbeam for each [`Record`]'s calls and compares the best answer with the
//! record's [`Gold`]. A record whose search fails is listed and stays in the total. [`NoiseSettings`] make the
//! same records harder, and [`best_of_n`] chooses by reward among answers that were sampled before.
//!
//! ```no_run
//! use std::num::NonZeroUsize;
//! use std::path::Path;
//! use toolbeam_client::{Client, ClientConfig, v1};
//! use toolbeam_eval::{Suite, load, run};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let records = load(Suite::SimplePython, Path::new("data"))?;
//! let client = Client::connect("localhost:50050", ClientConfig::default()).await?;
//! let template = v1::SearchRequest { seed: 1, ..Default::default() };
//! let report = run(&client, &records, &template, NonZeroUsize::MIN, |judged| {
//!     println!("{}: {:?}", judged.id, judged.verdict);
//! })
//! .await;
//! println!("{} of {}", report.exact, report.total);
//! # Ok(())
//! # }
//! ```

mod answer;
mod best_of_n;
mod bfcl;
mod comparison;
mod draws;
mod error;
mod f1;
mod gold;
mod hammer;
mod jsonl;
mod noise;
mod options;
mod python;
mod renaming;
mod report;
mod rewards;
mod run;
mod runs;
mod scoring;
mod seal_tools;
mod source;
mod suite;

pub use answer::read_answer;
pub use best_of_n::{BestOfN, BestOfNSettings, SampledAnswer, SampledPrompt, SampledSize, best_of_n};
pub use bfcl::checker::{BfclChecker, BfclVerdict};
pub use bfcl::vectors::{Agreement, compare_verdicts};
pub use comparison::{Comparison, Interval};
pub use error::EvalError;
pub use f1::{ApiScores, Compat, F1Report, ParamScores, Scores, Strict, f1};
pub use gold::Gold;
pub use noise::{Noise, NoiseSettings};
pub use report::Report;
pub use rewards::{
    Disguise, GivenAnswer, Measures, Pairwise, RewardPair, RewardReport, evaluate_rewards, read_pairs,
    reward_pairs, write_pairs,
};
pub use run::{Judged, Verdict, run};
pub use runs::{
    Category, ModelName, Outcome, OutcomeCall, RunFolder, RunSettings, SearchSettings, Shard, Tally,
    export_bfcl, export_predictions, go_on, read_run,
};
pub use scoring::{Scored, score_answers};
pub use suite::{Record, Suite, load, user_turns};
