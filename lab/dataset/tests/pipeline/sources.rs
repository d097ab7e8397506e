//! What is read of xLAM's and Hammer's files.

use std::fs;

use tempfile::TempDir;
use toolbeam_dataset::{DatasetError, Example, Sources};

fn read(xlam: &str, hammer: &str) -> Result<Vec<Example>, DatasetError> {
    let folder = TempDir::new().expect("a folder");
    let (xlam_path, hammer_path) = (folder.path().join("xlam.json"), folder.path().join("masked.jsonl"));
    fs::write(&xlam_path, xlam).expect("it is written");
    fs::write(&hammer_path, hammer).expect("it is written");
    let file = |text: &str, path| if text.is_empty() { vec![] } else { vec![path] };
    Sources { own: vec![], xlam: file(xlam, xlam_path), hammer: file(hammer, hammer_path) }.read()
}

#[test]
fn xlam_is_an_array_or_lines_with_json_or_texts_of_it() {
    let check = |text: &str, id: &str| {
        let examples = read(text, "").expect("it is xLAM's");
        let example = &examples[0];
        assert_eq!((examples.len(), example.id.as_str(), example.source.as_str()), (1, id, "xlam"));
        assert_eq!(example.messages[0].content, "How is it?");
        assert_eq!(example.tools[0].name, "f");
        assert_eq!(example.answers[0].arguments.get(), r#"{"a": 1.0}"#);
        let line = serde_json::to_string(example).expect("JSON");
        assert!(!line.contains('\n'), "{line}");
    };
    let tool = r#"{"name": "f", "description": "d", "parameters": {"a": {"type": "float"}}}"#;
    let call = r#"{"name": "f", "arguments": {"a": 1.0}}"#;
    check(
        &format!(r#"[{{"id": 5, "query": "How is it?", "tools": [{tool}], "answers": [{call}]}}]"#),
        "xlam-5",
    );
    let quoted = |json: String| serde_json::to_string(&json).expect("a text");
    let texts = (quoted(format!("[{tool}]")), quoted(format!("[{call}]")));
    check(&format!(r#"{{"query": "How is it?", "tools": {}, "answers": {}}}"#, texts.0, texts.1), "xlam-1");
    let pretty = format!(
        "[\n {{\"id\": \"a\",\n \"query\": \"How is it?\", \"answers\": [{call}],\n \"tools\": [{{\"type\": \"function\",\n \
         \"function\": {}}}]}}]",
        tool.replace("{\"a\"", "{\n\"a\"")
    );
    check(&pretty, "xlam-a");
}

#[test]
fn what_is_no_record_is_named_by_its_line() {
    let check = |xlam: &str, hammer: &str, expected: &str| match read(xlam, hammer) {
        Err(error) => assert!(error.to_string().contains(expected), "{error}"),
        Ok(examples) => panic!("{examples:?}"),
    };
    check("{\"query\": \"q\", \"tools\": [], \"answers\": []}\n{\"query\": 1}", "", "xlam.json line 2: ");
    check(r#"[{"query": "q", "tools": "[", "answers": []}]"#, "", "record 1: tools: ");
    let no_object = r#"{"query": "q", "tools": [], "answers": [{"name": "f", "arguments": 5}]}"#;
    check(no_object, "", "answers: f: ");
    check(
        "",
        r#"{"instruction": "no tools", "output": "[]"}"#,
        "line 1: instruction: no [BEGIN OF AVAILABLE TOOLS]",
    );
}

#[test]
fn hammers_records_say_whether_they_are_masked() {
    let record = |name: &str, output: &str| {
        let tools =
            format!(r#"[{{"name": "{name}", "description": "Finds by postcode", "parameters": {{}}}}]"#);
        let instruction = format!(
            "[BEGIN OF TASK INSTRUCTION]\n\n[BEGIN OF AVAILABLE TOOLS]\n{tools}\n[END OF AVAILABLE TOOLS]\n\n\
             [BEGIN OF QUERY]\nWhere is it?\n[END OF QUERY]\n\n"
        );
        serde_json::json!({"instruction": instruction, "input": "", "output": output}).to_string()
    };
    let called = "```\n[{\"name\": \"hWY9.epd\", \"arguments\": {\"u\": 1}}]\n```";
    let lines = [record("find_by_postcode", "```\n[]\n```"), record("hWY9.epd", called)].join("\n");
    let examples = read("", &lines).expect("they are Hammer's");
    let found: Vec<(&str, bool, usize)> =
        examples.iter().map(|example| (example.id.as_str(), example.masked, example.answers.len())).collect();
    assert_eq!(found, [("masked-1", false, 0), ("masked-2", true, 1)]);
    assert_eq!(examples[0].messages[0].content, "Where is it?");
}
