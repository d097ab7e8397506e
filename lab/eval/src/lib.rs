//! How good a running Toolbeam is on public evaluation sets: exact-match counts, and the verdicts of BFCL's
//! AST checker ([`BfclChecker`]), which need no Toolbeam.
//!
//! [`load`] reads a [`Suite`] from a folder that the user points at: the sets are not part of the
//! project. [`run`] asks a Toolbeam for each [`Record`]'s calls and compares the best answer with the
//! record's [`Gold`]. A record whose search fails is listed and stays in the total.
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

mod bfcl;
mod error;
mod gold;
mod options;
mod python;
mod report;
mod run;
mod seal_tools;
mod source;
mod suite;

pub use bfcl::checker::{BfclChecker, BfclVerdict};
pub use bfcl::vectors::{Agreement, compare_verdicts};
pub use error::EvalError;
pub use gold::Gold;
pub use report::Report;
pub use run::{Judged, Verdict, run};
pub use suite::{Record, Suite, load};
