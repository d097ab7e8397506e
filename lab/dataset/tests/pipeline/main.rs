//! From sources to exports, on small sets.

mod annotating;
mod building;
mod exporting;
mod rolling_out;
mod sources;
mod toys;
