//! Expand: a request's bytes, decoded, read by the policy and rendered by its template.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{Model, check_refusal, decode};
use toolbeam_grammar::Layout;
use toolbeam_policy::fuzzing;

static POLICY: LazyLock<Model> = LazyLock::new(Model::policy);

fuzz_target!(|bytes: &[u8]| {
    if let Some(request) = decode(bytes)
        && let Err(error) = fuzzing::expand(request, &POLICY.info, Layout::JsonList, &POLICY.prompts)
    {
        check_refusal(&error.into());
    }
});
