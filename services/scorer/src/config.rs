//! What a scorer service is told at its start.

use std::num::NonZeroUsize;

/// Limits of a scorer service.
#[derive(Debug, Clone, clap::Args)]
pub struct ScorerConfig {
    /// How many prompts the scorer remembers by digest.
    #[arg(long, env = "TOOLBEAM_SCORER_PROMPTS", default_value = "4096")]
    pub scorer_prompts: NonZeroUsize,
}
