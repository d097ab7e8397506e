//! What a search spends, by phase. The words are those of the contract.

/// Tokens that the policy computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyUsage {
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that were already there.
    pub cached_prompt_tokens: u64,
    /// Rows computed one token further, shared rows counted once. `max_policy_tokens` bounds these.
    pub decode_tokens: u64,
    /// Tokens of continuations as independent sampling would have computed them.
    pub sampled_tokens: u64,
}

impl PolicyUsage {
    /// Adds another reply's usage.
    pub fn merge(&mut self, other: PolicyUsage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.cached_prompt_tokens = self.cached_prompt_tokens.saturating_add(other.cached_prompt_tokens);
        self.decode_tokens = self.decode_tokens.saturating_add(other.decode_tokens);
        self.sampled_tokens = self.sampled_tokens.saturating_add(other.sampled_tokens);
    }
}

/// Tokens that the reward model computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RewardUsage {
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u64,
    /// Tokens of prompts and answers that were already there.
    pub cached_tokens: u64,
    /// Tokens of answers, markers included, that were computed. `max_reward_tokens` bounds these.
    pub answer_tokens: u64,
}

impl RewardUsage {
    /// Adds another reply's usage.
    pub fn merge(&mut self, other: RewardUsage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.answer_tokens = self.answer_tokens.saturating_add(other.answer_tokens);
    }
}

/// What a whole search spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The policy's tokens.
    pub policy: PolicyUsage,
    /// The reward model's tokens.
    pub reward: RewardUsage,
    /// Expansions that were asked for.
    pub expansions: u64,
    /// Distinct expansions that were submitted for scoring.
    pub candidates: u64,
}
