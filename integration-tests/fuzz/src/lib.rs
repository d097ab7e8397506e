//! What the fuzz targets share: decoding, the reference models without their weights, and what must
//! hold of every refusal.

pub mod json;

use std::fmt::Debug;
use std::num::NonZeroUsize;

use prost::Message;
use tonic::{Code, Status};
use toolbeam_lm::{Inspection, LmError, ModelFiles, ModelInfo, Prompt, PromptFormat};
use toolbeam_serve::PromptStore;

/// The most that a status may take of a reply's headers, in bytes. Peers refuse headers of more than
/// 8 KiB, and then the caller sees another code.
const MAX_STATUS_BYTES: usize = 8 * 1024;

/// A message in these bytes, if there is one. It is the same after a round trip.
pub fn decode<M: Message + Default + PartialEq + Debug>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let encoded = message.encode_to_vec();
    let again = M::decode(&encoded[..]).expect("what was encoded decodes");
    // Not compared as messages: NaN is not equal to itself.
    assert_eq!(again.encode_to_vec(), encoded);
    Some(message)
}

/// A caller's mistake is INVALID_ARGUMENT with fields and a remedy, or one of the codes for what is
/// well formed and cannot be done.
pub fn check_refusal(status: &Status) {
    let message = status.message();
    assert!(!message.is_empty(), "{status:?}");
    let headers = message.len() * 3 + status.details().len() * 4 / 3;
    assert!(headers <= MAX_STATUS_BYTES, "a status of {headers} bytes: {message}");
    match status.code() {
        Code::InvalidArgument => {
            let violations = toolbeam_serve::violations(status);
            assert!(!violations.is_empty(), "{status:?}");
            for violation in violations {
                assert!(!violation.field.is_empty() && !violation.description.is_empty(), "{violation:?}");
            }
        }
        Code::Unimplemented | Code::FailedPrecondition => {}
        code => panic!("a caller's mistake is {code:?}: {message}"),
    }
}

/// What a model's services know of it before they use its weights.
pub struct Model {
    /// Its tokenizer and prompts.
    pub info: ModelInfo,
    /// Where its folder's files are.
    pub files: ModelFiles,
    /// Prompts that it has seen.
    pub prompts: PromptStore<Prompt>,
}

impl Model {
    /// The reference policy.
    pub fn policy() -> Model {
        Model::new(ModelFiles::Embedded { name: "policy", files: toolbeam_reference::POLICY })
    }

    /// The reference ToolPRM.
    pub fn toolprm() -> Model {
        Model::new(ModelFiles::Embedded { name: "toolprm", files: toolbeam_reference::TOOLPRM })
    }

    fn new(files: ModelFiles) -> Model {
        let Inspection { config, tokenizer, template, profile, .. } = Inspection::of(&files);
        let tokenizer = tokenizer.expect("the reference model has a tokenizer");
        let template = template.expect("the reference model has a template");
        let info = ModelInfo {
            name: files.name(),
            fingerprint: "fuzzed".to_owned(),
            config: config.expect("the reference model has a configuration"),
            parameters: 0,
            device: "none".to_owned(),
            dtype: "none",
            profile: profile.expect("the reference model has a profile"),
            tokenizer: tokenizer.clone(),
            prompts: PromptFormat::new(template, tokenizer),
        };
        let prompts = PromptStore::new(NonZeroUsize::MIN.saturating_add(15));
        Model { info, files, prompts }
    }

    /// A prompt's tokens, all of which are tokens of the model.
    ///
    /// # Errors
    /// The template refuses the conversation.
    pub fn render(&self, conversation: &toolbeam_serve::Conversation) -> Result<Prompt, LmError> {
        let prompt = self.info.prompts.prompt(&conversation.messages, conversation.tools.as_ref())?;
        assert!(prompt.tokens.iter().all(|&token| (token as usize) < self.info.tokenizer.size()));
        Ok(prompt)
    }
}
