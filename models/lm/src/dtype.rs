//! Choosing in which type to compute.

use std::str::FromStr;

use tch::{Device, Kind};

use crate::cpu;

/// The type of weights, hidden states, keys and values. Sums are float32 in either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtypeChoice {
    /// bfloat16 where the device multiplies it faster, else float32.
    #[default]
    Auto,
    /// 32 bits.
    Float32,
    /// The upper 16 bits of a float32: half the memory.
    Bfloat16,
}

impl FromStr for DtypeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<DtypeChoice, String> {
        match text {
            "auto" => Ok(DtypeChoice::Auto),
            "float32" => Ok(DtypeChoice::Float32),
            "bfloat16" => Ok(DtypeChoice::Bfloat16),
            _ => Err("write auto, float32 or bfloat16".to_owned()),
        }
    }
}

/// The type for a device and the reason for it, for the log.
pub fn choose_dtype(choice: DtypeChoice, device: Device) -> (Kind, &'static str) {
    match (choice, device) {
        (DtypeChoice::Float32, _) => (Kind::Float, "asked for"),
        (DtypeChoice::Bfloat16, _) => (Kind::BFloat16, "asked for"),
        (DtypeChoice::Auto, Device::Cuda(_)) => (Kind::BFloat16, "a CUDA device"),
        (DtypeChoice::Auto, _) if cpu::multiplies_bfloat16() => {
            (Kind::BFloat16, "the processor has AVX512-BF16")
        }
        (DtypeChoice::Auto, _) => (Kind::Float, "the processor lacks AVX512-BF16"),
    }
}

/// A type as the field writes it.
pub(crate) fn dtype_name(kind: Kind) -> &'static str {
    if kind == Kind::BFloat16 { "bfloat16" } else { "float32" }
}
