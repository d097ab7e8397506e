//! Search and SearchStream: a request's bytes, decoded and read by the gateway.

#![no_main]

use std::sync::LazyLock;

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{check_refusal, decode};
use toolbeam_gateway::{GatewayConfig, fuzzing};

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: GatewayConfig,
}

static CONFIG: LazyLock<GatewayConfig> = LazyLock::new(|| Flags::parse_from([""]).config);

fuzz_target!(|bytes: &[u8]| {
    if let Some(request) = decode(bytes)
        && let Err(error) = fuzzing::search(request, &CONFIG)
    {
        check_refusal(&error.into());
    }
});
