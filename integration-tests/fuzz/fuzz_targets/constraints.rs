//! Constraints made of tools in every dialect and in none: refused with the place and the remedy, or followed.
//! Whatever they let through, token by token, is an answer that the tools' schemas allow.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{Model, check_refusal, json};
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_grammar::{Layout, parse_calls};
use toolbeam_policy::fuzzing::Writer;

/// After so many choices what ends values is preferred, and after twice as many the answer is given up.
const CHOICES: usize = 40;

static POLICY: LazyLock<Model> = LazyLock::new(Model::policy);
static WRITER: LazyLock<Writer<'static>> =
    LazyLock::new(|| Writer::new(&POLICY.info).expect("its tokenizer can be constrained"));

// An even first byte: parameters as text, and choices behind a zero. An odd one: parameters made of what schemas
// are made of, and choices of what is left.
fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    let (parameters, choices) = if kind % 2 == 0 {
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        let Ok(parameters) = std::str::from_utf8(&rest[..end]) else { return };
        (parameters.to_owned(), rest[end..].to_vec())
    } else {
        let mut data = Unstructured::new(rest);
        let Ok(parameters) = json::value(&mut data) else { return };
        (parameters.to_string(), data.take_rest().to_vec())
    };
    let tool = ToolDefinition { name: "f".to_owned(), description: String::new(), parameters };
    let tools = [tool];
    let mut choices = choices.into_iter().cycle();
    let mut made = 0;
    let written = WRITER.write(&tools, |allowed| {
        made += 1;
        let choice = usize::from(choices.next().unwrap_or(0)) * 31;
        let ends = |(_, bytes): &&(u32, &[u8])| bytes.iter().all(|byte| b"\"]}".contains(byte));
        let ending = allowed.iter().position(|it| ends(&it)).filter(|_| made > CHOICES);
        (made <= 2 * CHOICES).then(|| ending.unwrap_or(choice % allowed.len()))
    });
    match written {
        Err(error) => check_refusal(&error.into()),
        Ok(None) => {}
        Ok(Some(text)) => {
            let text = String::from_utf8(text).expect("an answer is text");
            let calls =
                parse_calls(Layout::JsonList, &text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let set = ToolSet::compile(&tools).expect("it was made a constraint");
            for call in calls {
                let valid = set.validate(&call);
                assert!(valid.is_ok(), "{text}: {valid:?} by {}", tools[0].parameters);
            }
        }
    }
});
