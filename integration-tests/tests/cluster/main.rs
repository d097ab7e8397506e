//! Toolbeam as its users run it: the `toolbeam` binary, real sockets, the reference weights.

mod bad_input;
mod clients;
mod command;
mod constraints;
mod deterministic;
mod drain;
mod eval_runs;
mod failures;
mod metrics;
mod queries;
mod raw;
mod roles;
mod rules;
mod sandbox;
mod variety;
mod work;
