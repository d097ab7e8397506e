//! Each table is data for one check.

mod normalized;
mod properties;
mod refused;
mod validated;

use super::{ToolDefinition, ToolSet};

/// One tool named `f`.
fn tool(parameters: &str) -> ToolDefinition {
    ToolDefinition { name: "f".into(), description: String::new(), parameters: parameters.into() }
}

fn compile(parameters: &str) -> ToolSet {
    match ToolSet::compile(&[tool(parameters)]) {
        Ok(set) => set,
        Err(error) => panic!("{parameters}: {error}"),
    }
}
