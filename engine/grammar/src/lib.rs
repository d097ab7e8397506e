//! Answers as a byte-wise state machine, the label rules, and tool schemas. Pure: no async, no IO.
//!
//! An answer is what a policy writes: a list of function calls. [`Parser`] reads it byte by byte
//! and says where its [`Step`]s are complete, [`render`] writes steps as the reward model reads
//! them, and [`label`] says which of them are right.

mod answer;
mod arguments;
mod call;
mod hermes;
mod json_list;
pub mod label;
mod lexer;
mod limits;
mod malformed;
mod parser;
mod reader;
pub mod render;
pub mod schema;
mod value;

pub use answer::{Boundary, Call, Marker, Step, calls_of, first_misplaced, steps_of};
pub use limits::Limits;
pub use malformed::{InvalidReason, Malformed};
pub use parser::{Layout, Parser, State, Status, content, parse_calls};
pub use value::Value;
