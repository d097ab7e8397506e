//! Searches by the engine, with ports in memory.

mod endings;
mod panics;
mod ports;
mod searches;
mod watching;
