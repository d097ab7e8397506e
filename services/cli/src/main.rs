//! The toolbeam command.

fn main() {}
