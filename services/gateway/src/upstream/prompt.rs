//! The prompt: sent inline once, then named by its digest.

use std::sync::{Arc, OnceLock};

use toolbeam_proto::v1::{Prompt, PromptRef, prompt_ref::Ref};

/// A search's prompt and what one service calls it.
#[derive(Debug)]
pub(super) struct SentPrompt {
    prompt: Arc<Prompt>,
    digest: OnceLock<Vec<u8>>,
}

impl SentPrompt {
    pub(super) fn new(prompt: Arc<Prompt>) -> SentPrompt {
        SentPrompt { prompt, digest: OnceLock::new() }
    }

    /// The digest if the service has named one, else the prompt.
    pub(super) fn shortest(&self) -> PromptRef {
        match self.digest.get() {
            Some(digest) => PromptRef { r#ref: Some(Ref::Digest(digest.clone())) },
            None => self.inline(),
        }
    }

    /// The prompt itself.
    pub(super) fn inline(&self) -> PromptRef {
        PromptRef { r#ref: Some(Ref::Inline(Prompt::clone(&self.prompt))) }
    }

    /// Keeps the digest of a reply. Equal models name equal prompts alike, so the
    /// first stands.
    pub(super) fn learn(&self, digest: Vec<u8>) {
        if !digest.is_empty() {
            self.digest.get_or_init(|| digest);
        }
    }
}
