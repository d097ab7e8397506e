//! Weights from safetensors: one file, or shards with an index.
//!
//! [`WeightTable`] reads headers only. [`Loader`] reads the data piece by piece into the tensors that
//! are computed with, so that loading needs the memory of those tensors and a fixed margin.

mod header;
mod loader;
mod table;

pub(crate) use loader::Loader;
pub use table::WeightTable;
