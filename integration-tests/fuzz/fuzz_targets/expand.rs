//! Expand: a request's bytes, decoded, read by the policy and rendered by its template.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{Model, check_refusal, decode};
use toolbeam_grammar::Layout;
use toolbeam_policy::fuzzing;
use toolbeam_proto::v1::ExpandRequest;

static POLICY: LazyLock<Model> = LazyLock::new(Model::policy);

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = decode::<ExpandRequest>(bytes) else { return };
    for layout in [Layout::JsonList, Layout::Hermes] {
        let read = fuzzing::expand(request.clone(), &POLICY.info, layout, &POLICY.prompts);
        if let Err(error) = read {
            check_refusal(&error.into());
        }
    }
});
