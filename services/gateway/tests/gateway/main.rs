//! The gateway against a policy and a scorer that are written here and speak gRPC
//! in memory.

mod drain;
mod errors;
mod policy;
mod rules;
mod sandbox;
mod scorer;
mod searches;
mod strategies;
mod streams;
mod trouble;
