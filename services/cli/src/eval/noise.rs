//! Flags of a run's noise.

use clap::ValueEnum;
use toolbeam_eval::{Noise, NoiseSettings};

/// What is done to records before they are searched.
#[derive(clap::Args)]
pub(super) struct NoiseArgs {
    /// Make the records harder, what is right staying the same; several kinds with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    noise: Vec<NoiseName>,
    /// What every record's noise is drawn by, with its id.
    #[arg(long, default_value_t = 0, requires = "noise")]
    noise_seed: u64,
    /// How many distractors a record gets.
    #[arg(long, value_name = "K", default_value_t = 3, requires = "noise")]
    distractors: usize,
}

/// Kinds of noise by name.
#[derive(Clone, Copy, ValueEnum)]
enum NoiseName {
    /// Tools in another order.
    ShuffleTools,
    /// Tools of other records of the set beside a record's own.
    Distractors,
    /// Random names of parameters, in tools and right calls alike.
    Rename,
    /// Every description ends after the first half of its words.
    Truncate,
}

impl NoiseArgs {
    /// The settings, if there is any noise.
    pub(super) fn settings(&self) -> Option<NoiseSettings> {
        let kinds: Vec<Noise> = self.noise.iter().map(|name| name.noise()).collect();
        (!kinds.is_empty()).then(|| NoiseSettings::new(&kinds, self.noise_seed, self.distractors))
    }
}

impl NoiseName {
    fn noise(self) -> Noise {
        match self {
            NoiseName::ShuffleTools => Noise::ShuffleTools,
            NoiseName::Distractors => Noise::Distractors,
            NoiseName::Rename => Noise::Rename,
            NoiseName::Truncate => Noise::Truncate,
        }
    }
}
