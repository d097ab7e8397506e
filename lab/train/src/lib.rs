//! Training on libtorch: policies by supervised fine-tuning, ToolPRM, C-PRM and ORM by the cross-entropy of labels,
//! ToolRM by Bradley-Terry.
//!
//! [`train`] is a whole run: it reads a folder of parts ([`Corpus`]), makes steps ([`Trainer`]), validates, keeps
//! checkpoints, and writes a Hugging Face folder. Equal settings and data give equal weights, in float32 on one
//! machine to the bit, also if a run was stopped and went on.

mod batch;
mod calibration;
mod checkpoint;
mod compare;
mod corpus;
mod draws;
mod error;
mod events;
mod export;
mod figures;
mod files;
mod folder;
mod history;
mod margins;
mod measure;
mod model;
mod objective;
mod optimizer;
mod parameters;
mod plan;
mod records;
mod run;
mod sequence;
mod settings;
mod sharing;
mod tensors;
mod trainer;

pub use calibration::{Calibrated, CalibrationConfig, Quality, calibrate};
pub use compare::{COMPARED, Comparison, compare};
pub use corpus::{Corpus, Counts};
pub use error::TrainError;
pub use events::EventFile;
pub use figures::{
    ACCURACY, AREA, BALANCED, Figures, LOSS, POSITIVE, PROMPT_LOSS, RIGHT_ACCEPTED, TRAJECTORIES,
    WRONG_REJECTED,
};
pub use folder::Interface;
pub use history::{Validation, validations};
pub use measure::{MeasureConfig, Measured, MeasuredAnswer, MeasuredRow, measure};
pub use parameters::{Parameters, Place, Role};
pub use records::conversation;
pub use run::{Ending, RunConfig, RunEvent, train};
pub use sequence::{Part, Segment, Sequence, Target};
pub use settings::{AdamWSettings, Length, MuonSettings, OptimizerSettings, Settings, Softmax, Task};
pub use sharing::share_prompts;
pub use trainer::{Progress, Step, Trainer};
