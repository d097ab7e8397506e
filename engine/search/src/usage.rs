//! What a search spends, by phase. The words are those of the contract.

/// What the policy's answers cost, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyUsage {
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that were already there, or were computed for another request.
    pub cached_prompt_tokens: u64,
    /// Rows computed one token further, shared rows counted once. `max_policy_tokens` bounds these.
    pub decode_tokens: u64,
    /// Tokens of continuations as independent sampling would have computed them.
    pub sampled_tokens: u64,
    /// Tokens of partial answers that were already there, or were computed for another request.
    pub cached_answer_tokens: u64,
    /// Sampled tokens that needed no row of their own.
    pub shared_rows: u64,
    /// Nodes of the token trie of prompt and everything sampled; of a search, each once.
    pub distinct_tokens: u64,
}

impl PolicyUsage {
    /// Adds another reply's usage.
    pub fn merge(&mut self, other: PolicyUsage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.cached_prompt_tokens = self.cached_prompt_tokens.saturating_add(other.cached_prompt_tokens);
        self.decode_tokens = self.decode_tokens.saturating_add(other.decode_tokens);
        self.sampled_tokens = self.sampled_tokens.saturating_add(other.sampled_tokens);
        self.cached_answer_tokens = self.cached_answer_tokens.saturating_add(other.cached_answer_tokens);
        self.shared_rows = self.shared_rows.saturating_add(other.shared_rows);
        self.distinct_tokens = self.distinct_tokens.saturating_add(other.distinct_tokens);
    }

    /// Tokens computed over distinct tokens; `None` if none was counted.
    pub fn waste_ratio(&self) -> Option<f64> {
        waste_ratio(self.prompt_tokens, self.decode_tokens, self.distinct_tokens)
    }
}

/// What the reward model's answers cost, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RewardUsage {
    /// Tokens of the prompt that were computed.
    pub prompt_tokens: u64,
    /// Tokens of prompts and answers that were already there, or were computed for another request.
    pub cached_tokens: u64,
    /// Tokens of answers, markers included, that were computed. `max_reward_tokens` bounds these.
    pub answer_tokens: u64,
    /// Nodes of the token trie of prompt and everything scored; of a search, each once.
    pub distinct_tokens: u64,
}

impl RewardUsage {
    /// Adds another reply's usage.
    pub fn merge(&mut self, other: RewardUsage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.answer_tokens = self.answer_tokens.saturating_add(other.answer_tokens);
        self.distinct_tokens = self.distinct_tokens.saturating_add(other.distinct_tokens);
    }

    /// Tokens computed over distinct tokens; `None` if none was counted.
    pub fn waste_ratio(&self) -> Option<f64> {
        waste_ratio(self.prompt_tokens, self.answer_tokens, self.distinct_tokens)
    }
}

fn waste_ratio(prompt: u64, answers: u64, distinct: u64) -> Option<f64> {
    (distinct > 0).then(|| prompt.saturating_add(answers) as f64 / distinct as f64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_add_up_and_what_was_computed_is_held_against_what_is_distinct() {
        let reply = PolicyUsage {
            prompt_tokens: 50,
            cached_prompt_tokens: 1,
            decode_tokens: 10,
            sampled_tokens: 80,
            cached_answer_tokens: 2,
            shared_rows: 70,
            distinct_tokens: 60,
        };
        let mut policy = reply;
        policy.merge(PolicyUsage { prompt_tokens: 0, distinct_tokens: 20, ..reply });
        assert_eq!((policy.cached_answer_tokens, policy.shared_rows, policy.distinct_tokens), (4, 140, 80));
        assert_eq!(policy.waste_ratio(), Some(70.0 / 80.0));
        let reply =
            RewardUsage { prompt_tokens: 50, cached_tokens: 3, answer_tokens: 30, distinct_tokens: 64 };
        let mut reward = reply;
        reward.merge(RewardUsage { prompt_tokens: 0, distinct_tokens: 0, ..reply });
        assert_eq!(reward.waste_ratio(), Some(110.0 / 64.0));
        assert_eq!(
            (PolicyUsage::default().waste_ratio(), RewardUsage::default().waste_ratio()),
            (None, None)
        );
    }
}
