//! Searches as event scripts: a small world answers the commands, and what the strategy commanded
//! is compared as text.

mod committing;
mod deadline;
mod endings;
mod mechanism;
mod order;
mod parsing;
mod pruning;
mod rules;
mod strategies;
mod world;
