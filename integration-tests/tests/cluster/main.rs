//! Toolbeam as its users run it: the `toolbeam` binary, real sockets, the reference weights.

mod bad_input;
mod clients;
mod command;
mod deterministic;
mod failures;
mod queries;
mod raw;
mod roles;
mod sandbox;
mod variety;
