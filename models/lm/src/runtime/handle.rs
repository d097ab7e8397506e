//! Starting a runtime, and handles to its models.

use std::sync::Arc;
use std::sync::mpsc::TrySendError;

use tch::Device;
use tokio::sync::{mpsc, oneshot};

use super::census::Census;
use super::generate::{GenerateEvent, GenerateRequest};
use super::places::Places;
use super::read::{ReadReply, ReadRequest, ReadSequence};
use super::thread::{self, Command, Thread, Work};
use crate::{
    DeviceChoice, DtypeChoice, Head, LmError, ModelConfig, ModelFiles, Profile, Prompt, PromptFormat,
    Tokenizer,
};

/// Who owns what a warm-up computes.
const WARM_UP: &str = "warm-up";

/// Messages that may wait for the thread beside requests.
const MESSAGES: usize = 4096;

/// Settings of a runtime.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Where to compute.
    pub device: DeviceChoice,
    /// In which type to compute.
    pub dtype: DtypeChoice,
    /// Threads of one operation on the CPU; `None` leaves libtorch's own choice.
    pub threads: Option<usize>,
    /// The most bytes of keys and values per model.
    pub kv_bytes: u64,
    /// How many requests a model takes at a time, those that wait included.
    pub queue: usize,
    /// The most owners (searches) whose continuations a model computes at a time; others wait, those that
    /// came first going first. `None` chooses by the device.
    pub running: Option<usize>,
}

impl RuntimeConfig {
    /// How many owners may generate at a time on this device. More at once are slower on a processor,
    /// whose caches their keys and values leave.
    pub(super) fn most_running(&self, device: Device) -> usize {
        let by_device = if device.is_cuda() { 256 } else { 32 };
        self.running.unwrap_or(by_device).max(1)
    }
}

/// What a model is.
pub struct ModelInfo {
    /// The model's name.
    pub name: String,
    /// Hash of weights, tokenizer, template and configuration.
    pub fingerprint: String,
    /// Shape.
    pub config: ModelConfig,
    /// Number of parameters.
    pub parameters: u64,
    /// Where it computes, such as `cpu` or `cuda:0`.
    pub device: String,
    /// What it computes in, such as `float32`.
    pub dtype: &'static str,
    /// How it is used.
    pub profile: Profile,
    /// Its tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// Renders its prompts.
    pub prompts: PromptFormat,
}

/// A device's thread with its models. It ends with the last [`ModelHandle`], whose drop waits for the
/// pass that is computed.
pub struct Runtime;

impl Runtime {
    /// Starts a thread, loads `models` in it, and returns their handles in order. Blocks until all
    /// are loaded.
    ///
    /// # Errors
    /// The first model's error, naming file and field; the device's, if it is not there.
    pub fn start(config: RuntimeConfig, models: Vec<ModelFiles>) -> Result<Vec<ModelHandle>, LmError> {
        // Every request with a place has room, and some messages beside them.
        let capacity = config.queue.saturating_mul(models.len()).saturating_add(MESSAGES);
        let (thread, loaded) = thread::spawn(config, models, capacity)?;
        let thread = Arc::new(thread);
        let handle =
            |(model, (info, places))| ModelHandle { model, info, places, thread: Arc::clone(&thread) };
        Ok(loaded.into_iter().enumerate().map(handle).collect())
    }
}

/// One model of a runtime. Cheap to clone.
#[derive(Clone)]
pub struct ModelHandle {
    model: usize,
    info: Arc<ModelInfo>,
    places: Arc<Places>,
    thread: Arc<Thread>,
}

impl ModelHandle {
    /// What the model is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What the model holds, counted by its thread between two steps and after everything that was
    /// sent before.
    ///
    /// # Errors
    /// [`LmError::QueueFull`], [`LmError::Stopped`].
    pub async fn census(&self) -> Result<Census, LmError> {
        let (reply, census) = oneshot::channel();
        self.send(Work::Count(reply))?;
        census.await.map_err(|_| LmError::Stopped)
    }

    /// Samples continuations. Each arrives as it ends; the last event is `Done` or `Failed`.
    /// Dropping the receiver cancels the request at the next iteration.
    ///
    /// # Errors
    /// [`LmError::TokenOutOfRange`] and [`LmError::TooLong`] before any work is spent;
    /// [`LmError::QueueFull`], [`LmError::Stopped`].
    pub fn generate(&self, request: GenerateRequest) -> Result<mpsc::Receiver<GenerateEvent>, LmError> {
        request.check(&self.info.config)?;
        if self.info.config.head == Head::Scalar {
            let message = "architectures names a model with a scalar head, which writes nothing; serve it as \
                           a scorer";
            return Err(LmError::file("config.json", message));
        }
        let place = self.places.take()?;
        let (reply, events) = mpsc::channel(request.most_events());
        self.send(Work::Generate(request, reply, place))?;
        Ok(events)
    }

    /// Computes logits of given tokens at given positions. Dropping the future cancels the request
    /// at the next iteration.
    ///
    /// # Errors
    /// As [`ModelHandle::generate`]; [`LmError::KvBound`] and failures of the batch.
    pub async fn read(&self, request: ReadRequest) -> Result<ReadReply, LmError> {
        request.check(&self.info.config)?;
        let place = self.places.take()?;
        let (reply, answer) = oneshot::channel();
        self.send(Work::Read(request, reply, place))?;
        answer.await.unwrap_or(Err(LmError::Stopped))
    }

    /// Computes once with every kind of request, so that the first caller does not pay for what
    /// libtorch sets up on first use.
    ///
    /// # Errors
    /// As [`ModelHandle::read`].
    pub async fn warm_up(&self) -> Result<(), LmError> {
        let (reply, warm) = oneshot::channel();
        self.send(Work::WarmUp(reply))?;
        warm.await.map_err(|_| LmError::Stopped)??;
        let end = *self.info.config.end_tokens.first().unwrap_or(&0);
        let sequence = ReadSequence { tokens: vec![end; 4], positions: vec![3] };
        let request = ReadRequest {
            owner: WARM_UP.into(),
            prompt: Prompt::new(vec![end; 64]),
            sequences: vec![sequence; 2],
            ids: vec![0],
            deterministic: false,
        };
        self.read(request).await?;
        self.forget(WARM_UP)
    }

    /// Frees what the cache holds for `owner`, and keeps nothing for it any more: a request that this
    /// overtook is computed, but leaves nothing. Requests that run go on.
    ///
    /// # Errors
    /// [`LmError::QueueFull`], [`LmError::Stopped`].
    pub fn forget(&self, owner: &str) -> Result<(), LmError> {
        self.send(Work::Forget(owner.to_owned()))
    }

    /// Frees every kept prompt and answer. Requests that run go on.
    ///
    /// # Errors
    /// [`LmError::QueueFull`], [`LmError::Stopped`].
    pub fn forget_all(&self) -> Result<(), LmError> {
        self.send(Work::ForgetAll)
    }

    fn send(&self, work: Work) -> Result<(), LmError> {
        self.thread.send(Command { model: self.model, work }).map_err(|error| match error {
            TrySendError::Full(_) => self.places.full(),
            TrySendError::Disconnected(_) => LmError::Stopped,
        })
    }
}
