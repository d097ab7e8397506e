//! Prompts in the policy's chat template: rendered or refused, and nothing in them is a special token.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{Model, decode};
use toolbeam_proto::v1::Prompt;
use toolbeam_serve::Conversation;

static POLICY: LazyLock<Model> = LazyLock::new(Model::policy);

fuzz_target!(|bytes: &[u8]| {
    let Some(prompt) = decode::<Prompt>(bytes) else { return };
    let Ok(conversation) = Conversation::read(&prompt, "prompt") else { return };
    // A template may refuse a conversation.
    if let Ok(once) = POLICY.render(&conversation) {
        let again = POLICY.render(&conversation).expect("it was rendered before");
        assert_eq!(once.digest, again.digest);
    }
});
