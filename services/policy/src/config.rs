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
    /// How long a request waits for its tools to become a constraint, in milliseconds. What takes longer goes
    /// on, for the next request.
    #[arg(long, env = "TOOLBEAM_CONSTRAINT_MS", default_value_t = 1000)]
    pub constraint_ms: u64,
    /// How many tool sets the policy keeps as constraints.
    #[arg(long, env = "TOOLBEAM_CONSTRAINTS", default_value = "256")]
    pub constraints: NonZeroUsize,
}
