//! Records for training reward models and policies: sets in the project's own shape ([`Dataset`]), and
//! their split into training and validation ([`split()`]).
//!
//! ```no_run
//! use std::path::Path;
//! use toolbeam_dataset::{Dataset, Queries, SplitSettings, split};
//!
//! # fn example() -> Result<(), toolbeam_dataset::DatasetError> {
//! let sets = Dataset::read_all(Path::new("sources"))?;
//! let found = split(&sets, &Queries::default(), &SplitSettings::default())?;
//! found.write(Path::new("split"))?;
//! println!("{} validation prompts", found.summary.validation.records);
//! # Ok(())
//! # }
//! ```

mod error;
mod queries;
mod set;
mod split;

pub use error::DatasetError;
pub use queries::Queries;
pub use set::{Answer, Dataset, Message, Record, Tool};
pub use split::{Part, Shared, Split, SplitSettings, Summary, is_held, split};
