//! How sets are read.

use std::collections::HashSet;

use toolbeam_client::v1;
use toolbeam_eval::{Record, Suite, load, user_turns};
use toolbeam_grammar::Call;

use crate::seal_tools;
use crate::{
    ANSWERS, QUERIES, QUESTIONS, TOOLS, folder, inside, load_files, load_seal, one_bfcl, seal_query,
};

fn names(record: &Record) -> Vec<&str> {
    record.tools.iter().map(|tool| tool.name.as_str()).collect()
}

#[test]
fn bfcl_keeps_parameters_as_they_are_written() {
    let parameters = r#"{"type":"dict", "properties": {"z": {"type": "float"}, "a": {"type": "tuple"}}}"#;
    let record = one_bfcl(parameters, "{}");
    assert_eq!(record.id, "q0");
    let message = v1::Message { role: v1::Role::User.into(), content: "do".to_owned(), ..Default::default() };
    assert_eq!(record.messages, [message]);
    let tool = v1::Tool { name: "lib.f".into(), description: "does".into(), parameters: parameters.into() };
    assert_eq!(record.tools, [tool]);
    assert_eq!(record.validation, None);
}

#[test]
fn seal_tools_get_flat_parameters() {
    let record = load_seal(&[seal_query("r", "do", &[("c", "{}")])]).expect("loads").remove(0);
    let tool = record.tools.iter().find(|tool| tool.name == "c").expect("the gold tool");
    assert_eq!(tool.description, "tool c");
    let parameters = concat!(
        r#"{"size":{"type":"int","description":"its size","required":true},"#,
        r#""kind":{"type":"str","description":""}}"#,
    );
    assert_eq!(tool.parameters, parameters);
    assert_eq!(record.messages[0].content, "do");
    assert_eq!(record.validation, Some(v1::Validation::Syntax));
}

#[test]
fn seal_tools_have_the_same_five_candidates_each_time() {
    let all: Vec<String> = ('a'..='h').map(String::from).collect();
    let check = |id: &str, gold: &[&str], count: usize| {
        let calls: Vec<(&str, &str)> = gold.iter().map(|name| (*name, "{}")).collect();
        let load = || load_seal(&[seal_query(id, "q", &calls)]).expect("loads").remove(0);
        let (record, again) = (load(), load());
        let names = names(&record).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(again.tools, record.tools, "{id}");
        assert_eq!(names.len(), count, "{id}: {names:?}");
        let unique: HashSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), count, "{id}: {names:?}");
        assert!(gold.iter().all(|gold| names.iter().any(|name| name == gold)), "{id}: {names:?}");
        names
    };
    // The hash is part of the set's definition: this order may not change.
    assert_eq!(check("r1", &["e"], 5), ["a", "c", "f", "d", "e"]);
    check("r2", &["a", "b", "a"], 5);
    check("r3", &["f", "e", "d", "c", "b", "a"], 6);
    check("r4", &all.iter().map(String::as_str).collect::<Vec<_>>(), 8);
    let orders: HashSet<Vec<String>> = (0..20).map(|i| check(&format!("s{i}"), &["a"], 5)).collect();
    let places: HashSet<Option<usize>> =
        orders.iter().map(|names| names.iter().position(|name| name == "a")).collect();
    assert!(orders.len() > 10 && places.len() == 5, "the gold tool's place tells nothing: {places:?}");
}

#[test]
fn repeated_tool_names_are_left_out() {
    let tools = format!("{}\n\n{}", seal_tools(), seal_tools().replace("tool a", "another a"));
    let query = seal_query("r", "q", &[("a", "{}")]);
    let records = load_files(Suite::SealToolsInDomain, &[(QUERIES, &query), (TOOLS, &tools)]);
    let record = records.expect("loads").remove(0);
    assert_eq!(names(&record).into_iter().collect::<HashSet<_>>().len(), 5);
    let first = record.tools.iter().find(|tool| tool.name == "a").expect("the gold tool");
    assert_eq!(first.description, "tool a");
}

#[test]
fn the_folder_is_the_sets_own_or_the_one_above() {
    let query = seal_query("r", "q", &[("a", "{}")]);
    let seal = folder(&[(QUERIES, &query), (TOOLS, &seal_tools())]);
    for path in [seal.path(), &inside(&seal, "seal-tools")] {
        assert_eq!(load(Suite::SealToolsInDomain, path).expect("loads").len(), 1);
    }
    let bfcl = folder(&[(QUESTIONS, QUESTION), (ANSWERS, ANSWER)]);
    for path in [bfcl.path(), &inside(&bfcl, "bfcl")] {
        assert_eq!(load(Suite::SimplePython, path).expect("loads").len(), 1);
    }
}

const QUESTION: &str = r#"{"id": "q0", "question": [[{"role": "system", "content": "be brief"}, {"role": "user", "content": "do"}]], "function": [{"name": "f", "parameters": {"type": "dict", "properties": {}}}]}"#;
const ANSWER: &str = r#"{"id": "q0", "ground_truth": [{"f": {"a": [1]}}]}"#;

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let bfcl = |question: &str, answer: &str, words: &[&str]| {
        check(Suite::SimplePython, &[(QUESTIONS, question), (ANSWERS, answer)], words);
    };
    bfcl("", ANSWER, &["holds no record", "BFCL_v4_simple_python.json"]);
    bfcl(&format!("{QUESTION}\n{{"), ANSWER, &["BFCL_v4_simple_python.json line 2", "EOF"]);
    bfcl(&QUESTION.replace("q0", "q1"), ANSWER, &["line 1", "q1 has no possible answer"]);
    bfcl(QUESTION, &ANSWER.replace("[1]", "1"), &["f: a has no list of values"]);
    bfcl(QUESTION, &ANSWER.replace("\"f\"", "\"g\""), &["g is called but not there"]);
    bfcl(QUESTION, &ANSWER.replace("}}]", "}}, {}]"), &["possible_answer", "not exactly one call"]);
    bfcl(&QUESTION.replace("system", "robot"), ANSWER, &["the role robot"]);
    bfcl(&QUESTION.replace("]], ", "], []], "), ANSWER, &["2 turns"]);
    check(Suite::SimplePython, &[(QUESTIONS, QUESTION)], &["possible_answer", "is not there"]);
    let seal = |query: &str, words: &[&str]| {
        check(Suite::SealToolsInDomain, &[(QUERIES, query), (TOOLS, &seal_tools())], words);
    };
    seal(&seal_query("r", "q", &[("zz", "{}")]), &["line 1", "no tool zz"]);
    seal(&seal_query("r", "q", &[("a", "3")]), &["line 1", "a: "]);
    check(Suite::SealToolsInDomain, &[(QUERIES, "")], &["tool.jsonl is not there", "give the folder"]);
}

fn check(suite: Suite, files: &[(&str, &str)], words: &[&str]) {
    let message = load_files(suite, files).expect_err("refused").to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn the_projects_own_shape_is_read_from_a_file_and_from_a_folder() {
    let tools = r#"{"f#1": {"name": "f", "description": "does", "parameters": {"a": {"type": "int"}}},
                    "g": {"name": "g", "parameters": {}}}"#;
    let record = r#"{"id": "r1", "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "content": "where?"}, {"role": "user", "content": "there"}], "answers": [{"name": "f", "arguments": {"a": 1}}], "tool_keys": ["g", "f#1"]}"#;
    let files =
        [("one.jsonl", record), ("one.tools.json", tools), ("two.jsonl", record), ("two.tools.json", tools)];
    let data = folder(&files);
    let records = load(Suite::Jsonl, data.path()).expect("records");
    assert_eq!((records[0].id.as_str(), records[1].id.as_str()), ("r1", "r1#2"), "ids are unique");
    assert_eq!(records.iter().map(|record| record.category.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let names: Vec<&str> = records[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((names, records[0].messages.len()), (vec!["g", "f"], 3));
    let right = Call::from_json("f", r#"{"a": 1}"#).expect("a call");
    assert!(records[0].gold.accepts(&[right]) && !records[0].gold.accepts(&[]));
    assert_eq!(load(Suite::Jsonl, &data.path().join("two.jsonl")).expect("records").len(), 1);
    let broken = folder(&[("one.jsonl", &record.replace("f#1", "h") as &str), ("one.tools.json", tools)]);
    let error = load(Suite::Jsonl, broken.path()).expect_err("no such tool").to_string();
    assert!(error.contains("line 1") && error.contains("no tool has the key h"), "{error}");
    let nothing = folder(&[("one.txt", "")]);
    assert!(load(Suite::Jsonl, nothing.path()).is_err());
}

#[test]
fn what_users_ask_is_that_of_all_sets_that_lie_there() {
    let query = seal_query("easy_1", "how large", &[("a", r#"{"size": 1}"#)]);
    let data = folder(&[(QUERIES, &query), (TOOLS, &seal_tools())]);
    assert_eq!(user_turns(data.path()).expect("turns"), [["how large"]]);
    let nothing = folder(&[]);
    assert!(user_turns(nothing.path()).is_err(), "no set is no data");
}
