//! Where fuzzing comes in. No part of what the crate promises.

use toolbeam_grammar::Layout;
use toolbeam_lm::{LmError, ModelInfo, Prompt};
use toolbeam_proto::v1;
use toolbeam_serve::{Conversation, PromptStore};

use crate::{PolicyError, request};

/// Reads a request as the service does before it reaches the device, over a model without weights.
///
/// # Errors
/// What the service refuses it with.
pub fn expand(
    request: v1::ExpandRequest,
    info: &ModelInfo,
    layout: Layout,
    prompts: &PromptStore<Prompt>,
) -> Result<(), PolicyError> {
    let checked = request::check(&request, 512)?;
    let prompt = prompts.resolve(request.prompt.as_ref(), |read: Conversation| -> Result<_, LmError> {
        let prompt = info.prompts.prompt(&read.messages, read.tools.as_ref())?;
        Ok((prompt.digest.to_vec(), prompt))
    })?;
    checked.generate(request, prompt, layout, info, None).map(drop)
}
