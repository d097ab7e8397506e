//! What a policy service is told at its start.

use std::num::NonZeroUsize;

/// Limits of a policy service.
#[derive(Debug, Clone, clap::Args)]
pub struct PolicyConfig {
    /// The most tokens of one continuation.
    #[arg(long, env = "TOOLBEAM_MAX_CONTINUATION_TOKENS", default_value_t = 512)]
    pub max_continuation_tokens: u32,
    /// How many prompts the policy remembers by digest.
    #[arg(long, env = "TOOLBEAM_POLICY_PROMPTS", default_value = "4096")]
    pub policy_prompts: NonZeroUsize,
}
