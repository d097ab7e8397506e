//! CancelSearch: a request's bytes, decoded, and its search id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{check_refusal, decode};
use toolbeam_proto::v1::CancelSearchRequest;

fuzz_target!(|bytes: &[u8]| {
    if let Some(request) = decode::<CancelSearchRequest>(bytes)
        && let Err(violation) = toolbeam_serve::require_search_id(&request.search_id)
    {
        check_refusal(&toolbeam_serve::invalid_argument(vec![violation]));
    }
});
