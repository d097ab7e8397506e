//! The libtorch runtime: causal language models behind one thread per device.
//!
//! There is one primitive, extending sequences by new tokens; everything else is scheduling. A
//! [`Runtime`] loads models and gives a [`ModelHandle`] for each. [`ModelHandle::generate`] samples
//! continuations; [`ModelHandle::read`] computes chosen logits at chosen positions of given tokens.
//! Callers on any thread are batched together, and what their sequences have in common is computed and
//! stored once.
//!
//! This crate knows tokens and tensors. It does not know what an answer is, or an RPC.

mod attention;
mod config;
mod cpu;
mod device;
mod dtype;
mod error;
mod files;
mod folder;
mod fused;
mod kv;
mod linear;
mod mix;
mod parameters;
mod profile;
mod prompt;
mod python_json;
mod python_methods;
mod python_text;
mod qwen;
mod rotary;
mod runtime;
mod sampler;
mod template;
mod tokenizer;
mod weights;

pub use config::{Head, ModelConfig};
pub use device::{ChosenDevice, DeviceChoice, choose_device};
pub use dtype::{DtypeChoice, choose_dtype};
pub use error::LmError;
pub use files::ModelFiles;
pub use folder::{Inspection, ModelFolder};
pub use profile::Profile;
pub use prompt::{Prompt, PromptFormat};
pub use rotary::{Rotary, Rotation};
pub use runtime::{
    Census, Continuation, Finish, GenerateEvent, GenerateRequest, GenerateUsage, LogitsAt, ModelHandle,
    ModelInfo, ReadReply, ReadRequest, ReadSequence, ReadUsage, Runtime, RuntimeConfig, Verdict, Watch,
};
pub use sampler::{Sampling, TokenMask};
pub use template::ChatTemplate;
pub use tokenizer::Tokenizer;
pub use weights::WeightTable;
