//! What other trainers are given.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolbeam_dataset::{
    Answer, Example, ExportFormat, ExportKind, LabelledPrompt, Message, Origin, PartWriter, Trajectory,
    export, export_lines,
};

use crate::toys::{call, example, user, weather};

fn prompt(answers: Vec<Answer>) -> Example {
    let said = Message { role: "assistant".into(), content: "Where?".into() };
    Example { messages: vec![user("How is the weather?"), said, user("In Oslo.")], ..example("a", answers) }
}

fn lines(answers: Vec<Answer>, format: ExportFormat, kind: ExportKind) -> Vec<Value> {
    let trajectory =
        |calls, labels: &str| Trajectory { calls, labels: labels.into(), origin: Origin::Rollout, count: 1 };
    let trajectories =
        vec![trajectory(vec![weather("Oslo")], "++++++"), trajectory(vec![call("f", "{}")], "----")];
    let labelled = LabelledPrompt { prompt: prompt(answers), trajectories };
    export_lines(&labelled, format, kind).expect("it is exported")
}

const RIGHT: &str = r#"[{"name": "get_weather", "arguments": {"city_name": "Oslo", "days": 2}}]"#;

#[test]
fn trl_has_messages_or_completions_with_labels() {
    let sft = lines(vec![weather("Oslo")], ExportFormat::Trl, ExportKind::Sft);
    assert_eq!(sft.len(), 1);
    let messages = json!([
        {"role": "user", "content": "How is the weather?"},
        {"role": "assistant", "content": "Where?"},
        {"role": "user", "content": "In Oslo."},
        {"role": "assistant", "content": RIGHT},
    ]);
    assert_eq!(sft[0]["messages"], messages);
    let tools: Value = serde_json::from_str(sft[0]["tools"].as_str().expect("a text")).expect("JSON");
    assert_eq!(tools[1]["function"]["name"], "get_time");
    assert_eq!(tools[0]["function"]["parameters"]["city_name"]["type"], "string", "as it was declared");

    let prm = lines(vec![weather("Oslo")], ExportFormat::Trl, ExportKind::Prm);
    let completions: Vec<&str> =
        prm[0]["completions"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(completions.concat(), RIGHT);
    assert_eq!(completions[..2], [r#"[{"name": "get_weather""#, r#", "arguments": {"city_name": "Oslo""#]);
    assert_eq!(prm[0]["labels"], Value::from(vec![true; 6]));
    assert_eq!(prm[1]["labels"], Value::from(vec![false; 4]));
    let text = prm[0]["prompt"].as_str().expect("a text");
    assert!(text.ends_with("assistant: Where?\nuser: In Oslo.\nassistant: "), "{text}");
}

#[test]
fn llama_factory_has_turns_that_alternate() {
    let sft = lines(vec![weather("Oslo")], ExportFormat::LlamaFactory, ExportKind::Sft);
    let conversations = json!([
        {"from": "human", "value": "How is the weather?"},
        {"from": "gpt", "value": "Where?"},
        {"from": "human", "value": "In Oslo."},
        {"from": "function_call", "value": RIGHT},
    ]);
    assert_eq!(sft[0]["conversations"], conversations);
    let tools: Value = serde_json::from_str(sft[0]["tools"].as_str().expect("a text")).expect("JSON");
    assert_eq!(tools[0]["parameters"]["properties"]["city_name"]["type"], "string", "normalised");
    let none = lines(vec![], ExportFormat::LlamaFactory, ExportKind::Sft);
    assert_eq!(none[0]["conversations"][3], json!({"from": "gpt", "value": "[]"}));

    let prm = lines(vec![weather("Oslo")], ExportFormat::LlamaFactory, ExportKind::Prm);
    let turns = prm[1]["conversations"].as_array().expect("a list");
    assert_eq!(turns.len(), 2 + 2 * 4);
    assert_eq!(turns[2], json!({"from": "human", "value": "In Oslo.\n[{\"name\": \"f\""}));
    for (place, turn) in turns.iter().enumerate() {
        assert_eq!(turn["from"], ["human", "gpt"][place % 2]);
    }
    assert_eq!(turns[9]["value"], "-");
}

#[test]
fn a_folder_of_prompts_is_exported_and_one_of_rollouts_is_not() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.jsonl");
    let mut part = PartWriter::create(folder.path(), 0).expect("a part");
    let exact = call("get_weather", r#"{"city_name": 123456789012345678901234567890}"#);
    for answers in [vec![weather("Oslo")], vec![], vec![exact]] {
        part.add(&example("a", answers)).expect("it is added");
    }
    part.finish().expect("it is put");
    let written = export(folder.path(), ExportFormat::Trl, ExportKind::Prm, &out).expect("it is exported");
    let text = fs::read_to_string(&out).expect("a file");
    assert_eq!((written, text.lines().count()), (3, 3));
    let second: Value = serde_json::from_str(text.lines().nth(1).expect("a line")).expect("JSON");
    assert_eq!((&second["completions"], &second["labels"]), (&json!(["[]"]), &json!([true])));
    assert!(text.contains("123456789012345678901234567890"), "numbers keep their digits");

    let rollouts = TempDir::new().expect("a folder");
    let mut part = PartWriter::create(rollouts.path(), 0).expect("a part");
    part.add(&json!({"prompt": example("a", vec![]), "samples": []})).expect("it is added");
    part.finish().expect("it is put");
    let refused = export(rollouts.path(), ExportFormat::Trl, ExportKind::Sft, &out).expect_err("rollouts");
    assert!(refused.to_string().contains("holds rollouts"), "{refused}");
}
