//! Tools in every dialect and in none, and calls of them: refused with the place and the remedy, or used,
//! in bounded time.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::json;
use toolbeam_grammar::Call;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};

// An even first byte: parameters and arguments as text, with a zero between them. An odd one: values
// made of what schemas are made of.
fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    if kind % 2 == 0 {
        let Ok(text) = std::str::from_utf8(rest) else { return };
        let (parameters, arguments) = text.split_once('\0').unwrap_or((text, "{}"));
        check(parameters, arguments);
    } else {
        let mut data = Unstructured::new(rest);
        let (Ok(arguments), Ok(parameters)) = (json::value(&mut data), json::value(&mut data)) else {
            return;
        };
        check(&parameters.to_string(), &arguments.to_string());
    }
});

fn check(parameters: &str, arguments: &str) {
    let tool = ToolDefinition {
        name: "f".to_owned(),
        description: String::new(),
        parameters: parameters.to_owned(),
    };
    let tools = match ToolSet::compile(&[tool]) {
        Ok(tools) => tools,
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("; ") && message.len() < 2048, "{message}");
            assert_eq!(error.field(), "tools[0].parameters", "{message}");
            return;
        }
    };
    assert!(tools.schema("f").is_some_and(serde_json::Value::is_object));
    let Ok(call) = Call::from_json("f", arguments) else { return };
    if let Err(violations) = tools.validate(&call) {
        assert!((1..=32).contains(&violations.len()));
        assert!(violations.iter().all(|violation| violation.to_string().contains("; ")), "{violations:?}");
    }
}
