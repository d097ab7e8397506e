//! The contract of Toolbeam (package `toolbeam.v1`): protobuf sources in
//! `proto/toolbeam/v1/` and the Rust generated from them, both committed. There
//! is no logic here.
//!
//! `tests/current.rs` proves that the committed code is what the sources give;
//! after changing a `.proto` file, run
//! `TOOLBEAM_REGENERATE=1 cargo test -p toolbeam-proto` and commit the result.

/// Messages, clients and servers of the package `toolbeam.v1`. What each field
/// means is said in the `.proto` files and repeated on the generated items.
// Generated: what a lint says about it cannot be mended here.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    include!("gen/toolbeam.v1.rs");
}

/// The encoded `google.protobuf.FileDescriptorSet` of the package with its
/// imports and comments, as server reflection serves it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/toolbeam.v1.bin");
