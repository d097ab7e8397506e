//! Where fuzzing comes in. No part of what the crate promises.

use std::sync::Arc;

use llguidance::ParserFactory;
use toolbeam_grammar::Layout;
use toolbeam_grammar::schema::ToolDefinition;
use toolbeam_lm::{LmError, ModelInfo, Prompt, Verdict, Watch};
use toolbeam_proto::v1;
use toolbeam_serve::{Conversation, PromptStore};

use crate::constraint::{Degree, compile, factory};
use crate::repetition::Repetition;
use crate::watch::{AnswerWatch, Stop};
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

/// Writes what constraints allow, over a model's tokenizer and without its weights.
pub struct Writer<'a> {
    info: &'a ModelInfo,
    factory: Arc<ParserFactory>,
}

impl Writer<'_> {
    /// A writer with the tokens of a model.
    ///
    /// # Errors
    /// Why the tokenizer cannot be constrained.
    pub fn new(info: &ModelInfo) -> Result<Writer<'_>, String> {
        Ok(Writer { info, factory: factory(info)? })
    }

    /// Writes calls of `tools`, a JSON list: `choose` says which token comes next, of those that may, with
    /// their bytes. `None` if it ends before the answer does.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] if the tools cannot be made a constraint.
    ///
    /// # Panics
    /// The constraint leads nowhere, or allows what is no answer.
    pub fn write(
        &self,
        tools: &[ToolDefinition],
        mut choose: impl FnMut(&[(u32, &[u8])]) -> Option<usize>,
    ) -> Result<Option<Vec<u8>>, PolicyError> {
        let compiled = compile(&self.factory, Layout::JsonList, Degree::Schema, tools);
        let matcher = compiled.map_err(|violations| PolicyError::Invalid(violations.to_vec()))?;
        let matcher = matcher.lock().expect("nothing panics while it holds it").deep_clone();
        let watch = AnswerWatch::after(Layout::JsonList, b"", Stop::Answer, Repetition::at_most(0));
        let mut watch = watch.expect("anything can follow nothing").held_to(matcher);
        let mut text = Vec::new();
        loop {
            let mut tokens = watch.forced();
            if tokens.is_empty() {
                let allowed = watch.allowed().expect("it is held to something");
                let ids = (0..self.info.config.vocab_size as u32).filter(|id| allowed.allows(*id as usize));
                let all = ids.filter_map(|id| Some((id, self.info.tokenizer.bytes(id)?)));
                let all: Vec<(u32, &[u8])> = all.collect();
                assert!(!all.is_empty(), "nothing follows {:?}", String::from_utf8_lossy(&text));
                let Some(choice) = choose(&all) else { return Ok(None) };
                tokens.push(all[choice].0);
            }
            for token in tokens {
                let bytes = self.info.tokenizer.bytes(token).expect("a token of text");
                text.extend_from_slice(bytes);
                match watch.push(token, bytes) {
                    Verdict::Stop => return Ok(Some(text)),
                    Verdict::Continue => {}
                    // A number beyond every float is one to JSON and none to us.
                    Verdict::Invalid => return Ok(None),
                    Verdict::Repetition => unreachable!("it may repeat itself"),
                }
            }
        }
    }
}
