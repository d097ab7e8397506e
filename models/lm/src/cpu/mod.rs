//! Kernels of the CPU: what a pass does between its matrix products.
//!
//! libtorch's own operations are made for large tensors; for the few rows of a decode step most of
//! their time goes into dispatch and into copies between shapes. A kernel here does in one go what takes
//! five to thirty of them, computes in float32 whatever the tensors' type, and rounds once.
//!
//! `memory` and `native` hold the unsafe code; the kernels themselves are safe and work on slices. They
//! are compiled for several instruction sets, of which the processor's best is chosen at run time.

pub(crate) mod attention;
pub(crate) mod block;
mod element;
mod memory;
pub(crate) mod native;

pub(crate) use element::{Element, bf16, exp};
pub(crate) use memory::{slice, slice_mut};

/// Whether the processor multiplies bfloat16: AVX512-BF16, which every processor with AMX has too.
pub(crate) fn multiplies_bfloat16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Calls a generic function for a tensor's element type.
macro_rules! with_element {
    ($kind:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $kind {
            tch::Kind::BFloat16 => $function::<$crate::cpu::bf16>($($argument),*),
            _ => $function::<f32>($($argument),*),
        }
    };
}
pub(crate) use with_element;
