//! What one search remembers about one service: which model it pinned, what the
//! prompt is called there, and how long it waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use toolbeam_proto::v1::{GetModelInfoResponse, Prompt, PromptRef};
use toolbeam_search::Failure;

use super::attempts::attempts;
use super::prompt::SentPrompt;
use super::release::Release;
use super::stopwatch::Stopwatch;
use crate::error::{Called, failure, is_prompt_unknown};

/// One search's dealings with one service.
#[derive(Debug)]
pub(crate) struct Session {
    peer: &'static str,
    search_id: String,
    fingerprint: String,
    prompt: SentPrompt,
    used: AtomicBool,
    stopwatch: Stopwatch,
    /// Every call in progress holds the session, so that nothing is asked after the release.
    _release: Arc<Release>,
}

/// A reply and what every reply carries.
#[derive(Debug)]
pub(crate) struct Replied<T> {
    /// What was asked for.
    pub(crate) value: T,
    /// The model that answered.
    pub(crate) model_fingerprint: String,
    /// What the service calls the prompt.
    pub(crate) prompt_digest: Vec<u8>,
}

impl Session {
    /// Pins the model that the service's first reply named. `peer` is the service's
    /// name in messages, `search_id` the search's name at the service.
    pub(crate) fn new(
        peer: &'static str,
        search_id: String,
        model: &GetModelInfoResponse,
        prompt: Arc<Prompt>,
        release: Arc<Release>,
    ) -> Session {
        Session {
            peer,
            search_id,
            fingerprint: model.model_fingerprint.clone(),
            prompt: SentPrompt::new(prompt),
            used: AtomicBool::new(false),
            stopwatch: Stopwatch::default(),
            _release: release,
        }
    }

    /// The search's name at the service.
    pub(crate) fn search_id(&self) -> String {
        self.search_id.clone()
    }

    /// The pinned model.
    pub(crate) fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// The pinned model if it has answered anything.
    pub(crate) fn used_fingerprint(&self) -> String {
        if self.used.load(Ordering::Relaxed) { self.fingerprint() } else { String::new() }
    }

    /// The time during which the search waited for the service.
    pub(crate) fn waited(&self) -> Duration {
        self.stopwatch.total()
    }

    /// A reply that breaks the contract.
    pub(crate) fn broken(&self, what: &str) -> Failure {
        Failure::Internal(format!("the {} broke the contract: {what}", self.peer))
    }

    /// Calls the service with the prompt's shortest name, with the prompt itself if
    /// the replica does not know the name, and again if no replica answers.
    ///
    /// # Errors
    /// The service failed, or another model answered than the pinned one.
    pub(crate) async fn call<T, F>(
        &self,
        deadline: Option<Instant>,
        send: impl Fn(PromptRef) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Called<Replied<T>>>,
    {
        let _lap = self.stopwatch.start();
        let once = async || {
            let mut reply = send(self.prompt.shortest()).await;
            if reply.as_ref().is_err_and(is_prompt_unknown) {
                reply = send(self.prompt.inline()).await;
            }
            reply.map_err(|status| failure(self.peer, &status))
        };
        let reply = attempts(deadline, once).await?;
        if reply.model_fingerprint != self.fingerprint {
            return Err(Failure::FailedPrecondition(format!(
                "the {}'s model changed during the search; try again",
                self.peer
            )));
        }
        self.used.store(true, Ordering::Relaxed);
        self.prompt.learn(reply.prompt_digest);
        Ok(reply.value)
    }
}
