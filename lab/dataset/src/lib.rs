//! Records for training reward models and policies, and what is made of them (the paper's section 3.2).
//!
//! Sets in the project's own shape ([`Dataset`]) are [`split()`] into training and validation. [`Build`] makes
//! [`Example`]s of sources, some with random names ([`Mask`]), gated by [`Queries`]; [`roll_out`] samples
//! [`Rollouts`] of them from a policy; [`annotate`] makes [`LabelledPrompt`]s of these, which [`Statistics`]
//! counts and [`export()`] writes for other trainers. What lies between two steps is a [`PartFolder`].
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

mod annotation;
mod build;
mod calls;
mod chances;
mod corruption;
mod draws;
mod error;
mod example;
mod export;
mod folder;
mod gate;
mod masking;
mod parts;
mod queries;
mod rollout;
mod set;
mod shard;
mod sharing;
mod sources;
mod split;
mod statistics;
mod synthesis;

pub use annotation::{AnnotationSettings, annotate};
pub use build::{Build, BuildPlan, BuildSettings, Synthetic, SyntheticPlan};
pub use error::DatasetError;
pub use example::{Example, LabelledPrompt, Origin, Rollouts, Sample, Trajectory};
pub use export::{ExportFormat, ExportKind, export, export_lines};
pub use folder::{Contents, Counts, Manifest, PartFolder};
pub use gate::shared_prompts;
pub use masking::Mask;
pub use parts::{PartReader, PartWriter, part_name, place};
pub use queries::Queries;
pub use rollout::{AnswerLayout, PolicyName, RolloutSettings, roll_out};
pub use set::{Answer, Dataset, Message, Record, Tool};
pub use shard::Shard;
pub use sources::Sources;
pub use split::{Part, Shared, Split, SplitSettings, Summary, is_held, split, tenth_of};
pub use statistics::{Labels, Statistics};
pub use synthesis::{ExampleKind, Shares, SynthesisSettings, Synthesiser, read_tools};
