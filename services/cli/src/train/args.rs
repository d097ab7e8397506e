//! Flags that all trainings have.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use toolbeam_lm::{DeviceChoice, DtypeChoice};
use toolbeam_train::{AdamWSettings, Length, MuonSettings, OptimizerSettings, RunConfig, Settings, Task};

use crate::models::{parse_device, policy_files};

/// Arguments of every `toolbeam train`.
#[derive(clap::Args)]
pub(crate) struct TrainArgs {
    /// The model folder to begin with; by default the policy that ships with Toolbeam.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The folder of parts to learn from, as `toolbeam dataset` writes them.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A folder of parts to validate with.
    #[arg(long, value_name = "DIR")]
    validation: Option<PathBuf>,
    /// Steps between two validations; there is one at the end too.
    #[arg(long, value_name = "STEPS", default_value_t = 500)]
    validate_every: u64,
    /// The run's folder: settings, checkpoints, and event files for TensorBoard. A run that was begun there goes
    /// on where its last checkpoint is.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Where to write the trained model, as a Hugging Face folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The type of its weights.
    #[arg(long, value_enum, default_value = "bfloat16")]
    out_dtype: OutDtype,
    /// Minutes between two checkpoints; there is one at the end too.
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    checkpoint_every: f64,
    #[command(flatten)]
    length: LengthArgs,
    #[command(flatten)]
    learning: LearningArgs,
    #[command(flatten)]
    computing: ComputeArgs,
}

/// How is computed.
#[derive(clap::Args)]
pub(super) struct ComputeArgs {
    /// Where to compute: auto, cpu, or cuda:N.
    #[arg(long, env = "TOOLBEAM_DEVICE", default_value = "auto", value_parser = parse_device)]
    pub(super) device: DeviceChoice,
    /// In which type to compute: auto, float32 or bfloat16. Weights and what the optimizer remembers are float32.
    #[arg(long, env = "TOOLBEAM_DTYPE", default_value = "auto")]
    pub(super) dtype: DtypeChoice,
    /// Threads of one operation on the CPU; the cores of the machine by default.
    #[arg(long, env = "TOOLBEAM_THREADS", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl ComputeArgs {
    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}

/// When the run ends.
#[derive(clap::Args)]
#[group(required = false, multiple = false)]
struct LengthArgs {
    /// How often every record is seen.
    #[arg(long)]
    epochs: Option<u64>,
    /// How many steps are made.
    #[arg(long)]
    steps: Option<u64>,
    /// How many minutes are trained, over all parts of the run. The rate follows the time.
    #[arg(long)]
    minutes: Option<f64>,
}

/// What decides what is learned.
#[derive(clap::Args)]
struct LearningArgs {
    /// What changes the weights.
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerName>,
    /// The highest rate of AdamW.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// The highest rate of Muon.
    #[arg(long, default_value_t = 0.015)]
    muon_rate: f64,
    /// By which share, times the rate, matrices shrink in a step.
    #[arg(long)]
    weight_decay: Option<f64>,
    /// How long AdamW's mean remembers.
    #[arg(long, default_value_t = 0.9)]
    beta1: f64,
    /// How long AdamW's mean of squares remembers.
    #[arg(long)]
    beta2: Option<f64>,
    /// What AdamW adds to the root of the squares.
    #[arg(long, default_value_t = 1e-8)]
    epsilon: f64,
    /// The share of the run over which the rate rises.
    #[arg(long)]
    warmup: Option<f64>,
    /// The share of the rate to which it falls at the end, along a cosine.
    #[arg(long)]
    floor: Option<f64>,
    /// The longest gradient; longer ones are shortened to it.
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// The most tokens of a batch, padding included.
    #[arg(long)]
    batch_tokens: Option<usize>,
    /// Batches of a step.
    #[arg(long)]
    accumulate: Option<usize>,
    /// The longest row in tokens: a prompt with its answers. Answers that do not fit with others get a row of
    /// their own, and those that do not fit alone are left out.
    #[arg(long, default_value_t = 2048)]
    longest: usize,
    /// Decides the order of the data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum OptimizerName {
    /// AdamW for everything.
    Adamw,
    /// Muon for the matrices of the layers, AdamW for the rest.
    Muon,
}

#[derive(Clone, Copy, ValueEnum)]
enum OutDtype {
    Float32,
    Bfloat16,
}

/// What holds where a flag is not given.
pub(super) struct Defaults {
    optimizer: OptimizerName,
    learning_rate: f64,
    weight_decay: f64,
    beta2: f64,
    warmup: f64,
    floor: f64,
    batch_tokens: usize,
    accumulate: usize,
    epochs: u64,
}

impl Defaults {
    /// For small policies.
    pub(super) const POLICY: Defaults = Defaults {
        optimizer: OptimizerName::Muon,
        learning_rate: 1e-3,
        weight_decay: 0.01,
        beta2: 0.98,
        warmup: 0.05,
        floor: 0.02,
        batch_tokens: 4096,
        accumulate: 1,
        epochs: 1,
    };
    /// For small reward models.
    pub(super) const REWARD: Defaults = Defaults {
        optimizer: OptimizerName::Adamw,
        learning_rate: 6e-4,
        weight_decay: 0.05,
        batch_tokens: 6656,
        ..Defaults::POLICY
    };
    /// Our own, usual ones for full fine-tuning of models of some billion parameters; not the paper's.
    pub(super) const PAPER: Defaults = Defaults {
        optimizer: OptimizerName::Adamw,
        learning_rate: 1e-5,
        weight_decay: 0.0,
        beta2: 0.999,
        warmup: 0.1,
        floor: 0.0,
        batch_tokens: 8192,
        accumulate: 8,
        epochs: 3,
    };
}

impl TrainArgs {
    /// What decides what is learned.
    pub(super) fn settings(&self, task: Task, defaults: &Defaults) -> Settings {
        let learning = &self.learning;
        let decay = learning.weight_decay.unwrap_or(defaults.weight_decay);
        let adamw = AdamWSettings {
            rate: learning.learning_rate.unwrap_or(defaults.learning_rate),
            betas: (learning.beta1, learning.beta2.unwrap_or(defaults.beta2)),
            epsilon: learning.epsilon,
            decay,
        };
        let muon = match learning.optimizer.unwrap_or(defaults.optimizer) {
            OptimizerName::Adamw => None,
            OptimizerName::Muon => Some(MuonSettings { rate: learning.muon_rate, momentum: 0.95, decay }),
        };
        let length = match (self.length.epochs, self.length.steps, self.length.minutes) {
            (Some(epochs), _, _) => Length::Epochs(epochs),
            (_, Some(steps), _) => Length::Steps(steps),
            (_, _, Some(minutes)) => Length::Minutes(minutes),
            (None, None, None) => Length::Epochs(defaults.epochs),
        };
        Settings {
            task,
            length,
            batch_tokens: learning.batch_tokens.unwrap_or(defaults.batch_tokens),
            accumulate: learning.accumulate.unwrap_or(defaults.accumulate),
            longest: learning.longest,
            optimizer: OptimizerSettings { adamw, muon },
            warmup: learning.warmup.unwrap_or(defaults.warmup),
            floor: learning.floor.unwrap_or(defaults.floor),
            clip: learning.clip,
            seed: learning.seed,
        }
    }

    /// Where to read, write and compute.
    pub(super) fn config(self) -> RunConfig {
        RunConfig {
            base: policy_files(self.model),
            data: self.data,
            validation: self.validation,
            validate_every: self.validate_every,
            run: self.run,
            checkpoint_every: Duration::from_secs_f64((60.0 * self.checkpoint_every).max(0.0)),
            out: self.out,
            out_dtype: match self.out_dtype {
                OutDtype::Float32 => DtypeChoice::Float32,
                OutDtype::Bfloat16 => DtypeChoice::Bfloat16,
            },
            device: self.computing.device,
            dtype: self.computing.dtype,
            threads: self.computing.threads(),
        }
    }
}
