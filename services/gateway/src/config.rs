//! What a gateway is told at its start.

use std::num::NonZeroUsize;

use tonic::transport::Channel;
use toolbeam_serve::{ChannelConfig, ServeError, connect_lazy};

/// How many threads run searches unless the flags say otherwise.
// Evaluated by the compiler, which refuses a zero.
const ARBITERS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How many searches a gateway runs and what each may spend. A request may ask for
/// less than these limits, never for more.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct GatewayConfig {
    /// The most searches at a time; one more is refused and told to come back after the time that
    /// searches took lately.
    #[arg(long, env = "TOOLBEAM_MAX_SEARCHES", default_value_t = 256)]
    pub max_searches: usize,
    /// Threads that run searches; models compute elsewhere.
    #[arg(long, env = "TOOLBEAM_ARBITERS", default_value_t = ARBITERS)]
    pub arbiters: NonZeroUsize,
    /// The longest search, in milliseconds; at most a day.
    #[arg(long, env = "TOOLBEAM_MAX_DURATION_MS", default_value_t = 120_000,
          value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    pub max_duration_ms: u64,
    /// The part of a search's time that is kept for finishing the best beam once branching has
    /// stopped, in percent, until searches have shown how long that takes.
    #[arg(long, env = "TOOLBEAM_RESERVE_PERCENT", default_value_t = 25,
          value_parser = clap::value_parser!(u8).range(0..=90))]
    pub reserve_percent: u8,
    /// The most rounds of a search.
    #[arg(long, env = "TOOLBEAM_MAX_ROUNDS", default_value_t = 256)]
    pub max_rounds: u32,
    /// The most tokens that the policy decodes for a search.
    #[arg(long, env = "TOOLBEAM_MAX_POLICY_TOKENS", default_value_t = 1_000_000)]
    pub max_policy_tokens: u64,
    /// The most tokens of answers that the reward model computes for a search.
    #[arg(long, env = "TOOLBEAM_MAX_REWARD_TOKENS", default_value_t = 1_000_000)]
    pub max_reward_tokens: u64,
    /// The most tokens of one expansion.
    #[arg(long, env = "TOOLBEAM_MAX_STEP_TOKENS", default_value_t = 512)]
    pub max_step_tokens: u32,
}

/// The flags' defaults, for a process that takes none.
impl Default for GatewayConfig {
    fn default() -> GatewayConfig {
        GatewayConfig {
            max_searches: 256,
            arbiters: ARBITERS,
            max_duration_ms: 120_000,
            reserve_percent: 25,
            max_rounds: 256,
            max_policy_tokens: 1_000_000,
            max_reward_tokens: 1_000_000,
            max_step_tokens: 512,
        }
    }
}

/// Where the other services are, for a gateway in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Upstreams {
    /// The policy service, `host:port`.
    #[arg(long, env = "TOOLBEAM_POLICY")]
    pub policy: String,
    /// The scorer service, `host:port`.
    #[arg(long, env = "TOOLBEAM_SCORER")]
    pub scorer: String,
    /// How to connect to both.
    #[command(flatten)]
    pub channel: ChannelConfig,
}

impl Upstreams {
    /// Channels to the policy and to the scorer. They connect with their first call.
    ///
    /// # Errors
    /// An address is malformed.
    pub fn channels(&self) -> Result<(Channel, Channel), ServeError> {
        let policy = connect_lazy(&self.policy, &self.channel)?;
        let scorer = connect_lazy(&self.scorer, &self.channel)?;
        Ok((policy, scorer))
    }
}
